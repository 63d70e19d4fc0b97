"use client";
import { useState } from "react";
import { Sun } from "lucide-react";
import { Button } from "@/components/button";
import { CopyField } from "@/components/copy-field";
import { Player } from "@/components/player";
import { Table } from "@/components/table";
import { CommandMenu } from "@/features/commands/command-menu";
import { QueueSkeleton } from "@/features/moderation/moderation-view";
import { Examined } from "@/features/moderation/moderated-video";
import { Gone } from "@/features/published/gone";
import { ReportDialog } from "@/features/reports/report-dialog";
import { BulkBar } from "@/features/videos/bulk-bar";
import { EmptyGallery, GallerySkeleton } from "@/features/videos/gallery-view";
import { LoadedVideo, VideoSkeleton } from "@/features/videos/video-view";
import { VideoTile } from "@/features/videos/video-tile";
import { useTranslations } from "@/lib/i18n";
import { HIDDEN, MODERATED, REJECTED, TILES } from "./video-samples";

const none = () => undefined;

/** The gallery, the page of a video, the visitor's page and the moderation, in every state. */
export function VideosBlock() {
  const t = useTranslations();
  const [open, setOpen] = useState<"report" | "commands" | "selection" | null>(null);
  const close = () => setOpen(null);
  return (
    <>
      <div className="grid grid-cols-2 gap-4 sm:grid-cols-3 lg:grid-cols-6">
        {TILES.map((video, index) => (
          <VideoTile key={video.id} video={video} isSelected={index === 1} selecting={index < 3} onSelect={none} />
        ))}
      </div>
      <div className="grid gap-4 md:grid-cols-3">
        <EmptyGallery filtered={false} trashed={false} onClear={none} />
        <EmptyGallery filtered trashed={false} onClear={none} />
        <EmptyGallery filtered={false} trashed onClear={none} />
      </div>
      <GallerySkeleton />
      <LoadedVideo video={HIDDEN} heading="h2" onGone={none} onExpired={none} />
      <LoadedVideo video={REJECTED} heading="h2" onGone={none} onExpired={none} />
      <VideoSkeleton />
      <div className="grid gap-4 md:grid-cols-2">
        <Player src="data:video/mp4," name={t("videos.unplayable")} size={{ width: 16, height: 9 }} isGif={false} onExpired={none} />
        <div className="grid content-start gap-4">
          <CopyField label={t("videos.shareLink")} help={t("videos.shareOnce")} value="https://video.example/s/1a2b3c" />
          <Table label={t("admin.audit")} head={[t("admin.at"), t("admin.action")]}>
            <tr>
              <td>{t("common.none")}</td>
              <td>{t("admin.anyAction")}</td>
            </tr>
          </Table>
          <QueueSkeleton />
          <div className="flex flex-wrap gap-2">
            <Button onClick={() => setOpen("report")}>{t("published.report")}</Button>
            <Button onClick={() => setOpen("commands")}>{t("commands.open")}</Button>
            <Button onClick={() => setOpen("selection")}>{t("videos.selection")}</Button>
          </div>
        </div>
      </div>
      <Examined video={MODERATED} reason="violence" onDecided={none} onExpired={none} />
      <Gone heading="h2" />
      {open === "report" ? <ReportDialog reported={{ video_id: "sample" }} onClose={close} /> : null}
      {open === "commands" ? (
        <CommandMenu commands={[{ id: "light", label: t("commands.themeLight"), icon: <Sun aria-hidden />, run: none }]} onSearchGallery={none} onClose={close} />
      ) : null}
      {open === "selection" ? <BulkBar videos={TILES.slice(0, 2)} trashed={false} onSelectAll={none} onClear={close} /> : null}
    </>
  );
}
