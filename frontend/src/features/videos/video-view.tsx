"use client";
import Link from "next/link";
import { useRef, useState } from "react";
import { Pencil, ShieldAlert } from "lucide-react";
import { IconButton } from "@/components/button";
import { Chip } from "@/components/chip";
import { Player } from "@/components/player";
import { ErrorView, Skeleton, StateView } from "@/components/states";
import { mediaUrl } from "@/lib/api/media";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { useTitle } from "@/lib/use-title";
import { nameOf, useVideo, type Video } from "./api";
import { EditDialog } from "./edit-dialog";
import { Recipe } from "./recipe";
import { VideoActions } from "./video-actions";

type Props = { id: string; heading?: "h1" | "h2"; onGone: () => void };

/** One video: its player, its recipe, and what can be done with it. `onGone`: it was moved to the trash. */
export function VideoView({ id, heading, onGone }: Props) {
  const video = useVideo(id);
  if (video.isPending) return <VideoSkeleton heading={heading} />;
  if (video.isError) return <ErrorView heading={heading ?? "h1"} error={video.error} onRetry={() => void video.refetch()} />;
  return <LoadedVideo video={video.data} heading={heading} onGone={onGone} onExpired={() => void video.refetch()} />;
}

const COLUMNS = "grid grid-cols-[minmax(0,1fr)] gap-6 lg:grid-cols-[minmax(0,1fr)_22rem] lg:gap-10";

export function VideoSkeleton({ heading: Heading = "h1" }: { heading?: "h1" | "h2" }) {
  const t = useTranslations("common");
  return (
    <>
      <Heading className="sr-only">{t("loading")}</Heading>
      <div aria-hidden className={COLUMNS}>
        <Skeleton className="aspect-video rounded-l" />
        <div className="grid content-start gap-3">
          <Skeleton className="h-7" />
          <Skeleton className="h-10" />
          <Skeleton className="h-44" />
        </div>
      </div>
    </>
  );
}

type LoadedProps = { video: Video; heading?: "h1" | "h2"; onGone: () => void; onExpired: () => void };

export function LoadedVideo({ video, heading: Heading = "h1", onGone, onExpired }: LoadedProps) {
  const t = useTranslations("videos");
  const name = nameOf(video);
  const [edits, setEdits] = useState(false);
  const player = useRef<HTMLVideoElement>(null);
  // Above another page, the title is that page's.
  useTitle(Heading === "h1" ? name : null);
  return (
    <article aria-label={name} className={COLUMNS}>
      <div className="grid content-start gap-4">
        {video.video ? (
          <Player
            ref={player}
            src={mediaUrl(video.video.url)}
            poster={mediaUrl(video.poster?.url)}
            name={t("videoName", { title: name })}
            size={video.video}
            isGif={video.format === "gif"}
            onExpired={onExpired}
          />
        ) : null}
        <Notices video={video} />
      </div>
      <div className="grid content-start gap-6">
        <div className="grid gap-2">
          <div className="flex items-start justify-between gap-2">
            <Heading className="text-l font-semibold [overflow-wrap:anywhere]">{name}</Heading>
            <IconButton size="s" name={t("edit")} onClick={() => setEdits(true)}>
              <Pencil aria-hidden />
            </IconButton>
          </div>
          {video.prompt === name ? null : <p className="text-muted [overflow-wrap:anywhere]">{video.prompt}</p>}
          <Tags tags={video.tags} />
        </div>
        <VideoActions video={video} player={player} onGone={onGone} />
        <Recipe video={video} />
      </div>
      {edits ? <EditDialog video={video} onClose={() => setEdits(false)} /> : null}
    </article>
  );
}

function Tags({ tags }: { tags: string[] }) {
  const t = useTranslations("videos");
  if (tags.length === 0) return null;
  return (
    <ul aria-label={t("tags")} className="flex flex-wrap gap-1.5">
      {tags.map((tag) => (
        <li key={tag}>
          <Link href={`/gallery?tag=${encodeURIComponent(tag)}`}>
            <Chip tabIndex={-1}>{tag}</Chip>
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** What the owner must know: a decision of the moderation, the trash, where it comes from. */
function Notices({ video }: { video: Video }) {
  const t = useTranslations("videos");
  const format = useFormatter();
  const { moderation, purge_at, finished_from } = video;
  return (
    <>
      {moderation.state === "visible" ? null : (
        <StateView title={t(moderation.state === "hidden" ? "hiddenTitle" : "rejectedTitle")} icon={<ShieldAlert aria-hidden />}>
          {moderation.state === "hidden" ? <p>{t("hiddenLead")}</p> : null}
          {moderation.reason ? <p>{t("moderationReason", { reason: moderation.reason })}</p> : null}
          {moderation.statement ? <p className="mt-2 whitespace-pre-line">{moderation.statement}</p> : null}
        </StateView>
      )}
      {purge_at ? <p className="text-s text-warning">{t("purge", { when: format.relativeTime(new Date(purge_at), new Date()) })}</p> : null}
      {finished_from ? (
        <p className="text-s text-muted">
          {t("finishedFrom")} ·{" "}
          <Link href={`/v/${finished_from}`} className="text-fg underline underline-offset-4">
            {t("showOriginal")}
          </Link>
        </p>
      ) : null}
    </>
  );
}
