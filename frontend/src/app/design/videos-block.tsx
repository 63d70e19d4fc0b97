"use client";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { CompareGrid } from "@/features/compare/compare-grid";
import { RecipeDifferences } from "@/features/compare/recipe-differences";
import { Examined } from "@/features/moderation/moderated-video";
import { QueueSkeleton } from "@/features/moderation/moderation-view";
import { Gone } from "@/features/published/gone";
import { DEFAULTS } from "@/features/composer/settings";
import { recipeKey } from "@/features/videos/api";
import { BulkBar } from "@/features/videos/bulk-bar";
import { EmptyGallery } from "@/features/videos/empty-gallery";
import { GallerySkeleton } from "@/features/videos/gallery-view";
import { VideoTile } from "@/features/videos/video-tile";
import { LoadedVideo, VideoSkeleton } from "@/features/videos/video-view";
import { useTranslations } from "@/lib/i18n";
import { Specimen } from "./specimen";
import { COMPARED, HIDDEN, MODERATED, REJECTED, TILES } from "./video-samples";

const none = () => undefined;

/** The gallery, the page of a video, the comparison, the visitor's page and the moderation, in every state. */
export function VideosBlock() {
  const t = useTranslations();
  const [selection, setSelection] = useState(false);
  // The samples are no videos of the gateway.
  const queries = useQueryClient();
  useState(() => [HIDDEN, REJECTED].map(({ id, prompt }) => queries.setQueryData(recipeKey(id), { prompt, ...DEFAULTS })));
  return (
    <>
      <Specimen of="VideoTile" look="stack">
        <div className="grid grid-cols-2 gap-4 sm:grid-cols-3">
          {TILES.map((video, index) => (
            <VideoTile key={video.id} video={video} isSelected={index === 1} selecting={index < 3} onSelect={none} />
          ))}
        </div>
      </Specimen>
      <Specimen of="BulkBar">
        <Button onClick={() => setSelection(true)}>{t("videos.selection")}</Button>
        {selection ? <BulkBar videos={TILES.slice(0, 2)} trashed={false} onSelectAll={none} onClear={() => setSelection(false)} /> : null}
      </Specimen>
      <Specimen of="GalleryView" look="stack">
        <div className="grid gap-4 md:grid-cols-3">
          <EmptyGallery filtered={false} trashed={false} onClear={none} />
          <EmptyGallery filtered trashed={false} onClear={none} />
          <EmptyGallery filtered={false} trashed onClear={none} />
        </div>
        <GallerySkeleton />
      </Specimen>
      <Specimen of="VideoView" look="stack">
        <LoadedVideo video={HIDDEN} heading="h2" onGone={none} onExpired={none} />
        <LoadedVideo video={REJECTED} heading="h2" onGone={none} onExpired={none} />
        <VideoSkeleton heading="h2" />
      </Specimen>
      <Specimen of="CompareGrid" look="stack">
        <CompareGrid videos={COMPARED} />
        <RecipeDifferences videos={COMPARED} />
      </Specimen>
      <Specimen of="ModeratedVideo" look="stack">
        <Examined video={MODERATED} reason="violence" onDecided={none} onExpired={none} />
        <QueueSkeleton />
      </Specimen>
      <Specimen of="Gone" look="stack">
        <Gone heading="h2" />
      </Specimen>
    </>
  );
}
