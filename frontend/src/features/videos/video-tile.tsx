"use client";
import Link from "next/link";
import { Globe, Heart, RotateCcw, Trash2 } from "lucide-react";
import { IconButton } from "@/components/button";
import { MovingPoster } from "@/components/moving-poster";
import { useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { mediaUrl } from "@/lib/api/media";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { nameOf, useChangeVideo, useTrash, type Video } from "./api";

/** A video in the gallery. The poster moves while the tile is pointed at or focused. */
export function VideoTile({ video }: { video: Video }) {
  const t = useTranslations("videos");
  const errorText = useErrorText();
  const onError = (error: unknown) => toast(errorText(error), { tone: "danger" });
  const change = useChangeVideo();
  const favourite = () => change.mutate({ id: video.id, change: { favourite: !video.favourite } }, { onError });
  return (
    <article aria-label={nameOf(video)} data-preview className="group grid content-start gap-1.5">
      <div className="relative aspect-square overflow-hidden rounded-l bg-raised has-[a:focus-visible]:outline-2 has-[a:focus-visible]:outline-offset-2 has-[a:focus-visible]:outline-ring">
        <Link href={`/v/${video.id}`} aria-label={nameOf(video)} className="absolute inset-0 outline-none">
          <MovingPoster poster={mediaUrl(video.poster?.url)} preview={mediaUrl(video.preview?.url)} alt="" />
        </Link>
        {video.trashed_at ? null : (
          <IconButton
            name={t(video.favourite ? "unfavourite" : "favourite")}
            aria-pressed={video.favourite}
            size="s"
            onClick={favourite}
            className={cx(
              "absolute top-2 right-2 bg-black/60 text-white backdrop-blur-sm hover:bg-black/80",
              !video.favourite && "pointer-fine:opacity-0 pointer-fine:group-focus-within:opacity-100 pointer-fine:group-hover:opacity-100",
            )}
          >
            <Heart aria-hidden className={cx(video.favourite && "fill-current")} />
          </IconButton>
        )}
        {video.visibility === "public" ? (
          <span title={t("published")} className="absolute bottom-2 left-2 rounded-full bg-black/60 p-1.5 text-white">
            <Globe aria-label={t("published")} className="size-3.5" />
          </span>
        ) : null}
      </div>
      <div className="flex items-start gap-1">
        <p className="line-clamp-2 min-w-0 flex-1 pt-1 text-s [overflow-wrap:anywhere]">{nameOf(video)}</p>
        <TrashButton video={video} />
      </div>
    </article>
  );
}

export function TrashButton({ video, onDone }: { video: Video; onDone?: () => void }) {
  const t = useTranslations("videos");
  const common = useTranslations("common");
  const errorText = useErrorText();
  const trash = useTrash();
  const onError = (error: unknown) => toast(errorText(error), { tone: "danger" });
  // Promises, not callbacks of the mutation: the tile has left the list when they are settled.
  const restore = () => void trash.mutateAsync({ id: video.id, restore: true }).then(() => toast(t("restored")), onError);
  const remove = () =>
    void trash.mutateAsync({ id: video.id, restore: false }).then(() => {
      toast(t("movedToTrash"), { action: { label: common("undo"), run: restore } });
      onDone?.();
    }, onError);
  return (
    <IconButton name={t(video.trashed_at ? "restore" : "moveToTrash")} size="s" onClick={video.trashed_at ? restore : remove}>
      {video.trashed_at ? <RotateCcw aria-hidden /> : <Trash2 aria-hidden />}
    </IconButton>
  );
}
