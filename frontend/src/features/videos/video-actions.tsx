"use client";
import Link from "next/link";
import { useState, type RefObject } from "react";
import { Copy, Dices, Download, ExternalLink, Globe, GlobeLock, Heart, ImagePlay, RefreshCw, RotateCcw, Share2, Sprout, Trash2 } from "lucide-react";
import { Button, IconButton, buttonClass } from "@/components/button";
import { mediaUrl } from "@/lib/api/media";
import { useTranslations } from "@/lib/i18n";
import { useShortcuts } from "@/lib/use-shortcuts";
import { cx } from "@/lib/cx";
import type { Video } from "./api";
import { FinishDialog } from "./finish-dialog";
import { PublishDialog } from "./publish-dialog";
import { ShareDialog } from "./share-dialog";
import { useVideoActions } from "./use-video-actions";

const ICON = "size-4";

type Props = { video: Video; player: RefObject<HTMLVideoElement | null>; onGone: () => void };

/** What can be done with one video, and with the frame that `player` shows. */
export function VideoActions({ video, player, onGone }: Props) {
  const t = useTranslations("videos");
  const { change, reuse, isReusing, takeFrame, toggleFavourite, trash } = useVideoActions();
  const [open, setOpen] = useState<"share" | "finish" | "publish" | null>(null);
  useShortcuts({ ".": () => toggleFavourite(video), r: () => reuse(video, "settings"), s: () => reuse(video, "seed") });
  const url = mediaUrl(video.video?.url);
  const isPublic = video.visibility === "public";
  const trashed = Boolean(video.trashed_at);
  const canShow = video.moderation.state === "visible" && !trashed;
  const close = () => setOpen(null);
  return (
    <div className="grid gap-2">
      <Button kind="primary" wide icon={<Copy aria-hidden className={ICON} />} busy={isReusing} onClick={() => reuse(video, "settings")}>
        {t("useSettings")}
      </Button>
      <div className="grid grid-cols-2 gap-2 *:min-w-0 *:last:odd:col-span-2">
        <Button icon={<Dices aria-hidden className={ICON} />} onClick={() => reuse(video, "vary")}>
          {t("vary")}
        </Button>
        <Button icon={<Sprout aria-hidden className={ICON} />} onClick={() => reuse(video, "seed")}>
          {t("useSeed")}
        </Button>
        <Button icon={<RefreshCw aria-hidden className={ICON} />} disabled={!video.finishable || trashed} onClick={() => setOpen("finish")}>
          {t("finish")}
        </Button>
        <Button icon={<Share2 aria-hidden className={ICON} />} disabled={!canShow} onClick={() => setOpen("share")}>
          {t("share")}
        </Button>
        <Button
          icon={<ImagePlay aria-hidden className={ICON} />}
          disabled={!canShow || !video.video || video.format === "gif"}
          onClick={() => takeFrame(video, player.current?.currentTime ?? 0)}
        >
          {t("useFrame")}
        </Button>
        {url ? (
          <a href={url} download className={buttonClass()}>
            <Download aria-hidden className={ICON} />
            {t("download")}
          </a>
        ) : null}
        <Button
          icon={isPublic ? <GlobeLock aria-hidden className={ICON} /> : <Globe aria-hidden className={ICON} />}
          disabled={!canShow && !isPublic}
          onClick={() => (isPublic ? change(video, { visibility: "private" }) : setOpen("publish"))}
        >
          {t(isPublic ? "unpublish" : "publish")}
        </Button>
      </div>
      <p className="text-s text-muted">
        {video.finishable ? video.finishable_until && t("finishUntil", { date: new Date(video.finishable_until) }) : t("finishGone")}
      </p>
      <div className="flex items-center gap-1">
        {trashed ? null : (
          <Button
            kind="quiet"
            size="s"
            aria-pressed={video.favourite}
            icon={<Heart aria-hidden className={cx(ICON, video.favourite && "fill-current")} />}
            onClick={() => toggleFavourite(video)}
          >
            {t(video.favourite ? "unfavourite" : "favourite")}
          </Button>
        )}
        {isPublic && canShow ? (
          <Link href={`/gallery/${video.id}`} target="_blank" className={buttonClass({ kind: "quiet", size: "s" })}>
            <ExternalLink aria-hidden className={ICON} />
            {t("publicPage")}
          </Link>
        ) : null}
        <IconButton size="s" name={t(trashed ? "restore" : "moveToTrash")} className="ml-auto" onClick={() => trash(video, trashed ? undefined : onGone)}>
          {trashed ? <RotateCcw aria-hidden /> : <Trash2 aria-hidden />}
        </IconButton>
      </div>
      {open === "share" ? <ShareDialog video={video} onClose={close} /> : null}
      {open === "finish" ? <FinishDialog video={video} onClose={close} /> : null}
      {open === "publish" ? <PublishDialog video={video} onClose={close} /> : null}
    </div>
  );
}
