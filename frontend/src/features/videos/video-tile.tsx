"use client";
import Link from "next/link";
import { Copy, Dices, Ellipsis, Globe, Heart, RotateCcw, ShieldAlert, Sprout, Trash2 } from "lucide-react";
import type { MouseEvent } from "react";
import { IconButton } from "@/components/button";
import { Menu, MenuItem, MenuSeparator } from "@/components/menu";
import { MovingPoster } from "@/components/moving-poster";
import { mediaUrl } from "@/lib/api/media";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { nameOf, type Video } from "./api";
import { useVideoActions } from "./use-video-actions";

type Props = {
  video: Video;
  /** Whether Tab stops here: one tile of the gallery does, the arrows reach the others. */
  isStop?: boolean;
  isSelected?: boolean;
  /** Whether others are selected: then the boxes of all tiles are shown. */
  selecting?: boolean;
  onSelect?: (withShift: boolean) => void;
};

const OVER = "absolute bg-black/60 text-white enabled:hover:bg-black/80 enabled:hover:text-white";
/** Shown when the tile is pointed at or has the focus; always on touch screens. */
const WHEN_NEEDED = "pointer-fine:opacity-0 pointer-fine:group-focus-within:opacity-100 pointer-fine:group-hover:opacity-100";

/** A video in the gallery. The poster moves while the tile is pointed at or focused. */
export function VideoTile({ video, isStop = true, isSelected = false, selecting = false, onSelect }: Props) {
  const t = useTranslations("videos");
  const { toggleFavourite } = useVideoActions();
  const name = nameOf(video);
  const tabIndex = isStop ? 0 : -1;
  return (
    <article aria-label={name} data-preview className="group grid content-start gap-1.5">
      <div className="relative aspect-square overflow-hidden rounded-l bg-raised has-[a:focus-visible]:outline-2 has-[a:focus-visible]:outline-offset-2 has-[a:focus-visible]:outline-ring">
        <Link href={`/v/${video.id}`} prefetch={false} scroll={false} aria-label={name} tabIndex={tabIndex} data-tile className="absolute inset-0 outline-none">
          <MovingPoster poster={mediaUrl(video.poster?.url)} preview={mediaUrl(video.preview?.url)} alt="" />
        </Link>
        {video.poster ? null : (
          <span className="pointer-events-none absolute inset-0 grid place-content-center justify-items-center gap-2 p-4 text-center text-s text-muted">
            <ShieldAlert aria-hidden className="size-5" />
            {t("rejectedTitle")}
          </span>
        )}
        {onSelect ? (
          <input
            type="checkbox"
            aria-label={t("select", { title: name })}
            tabIndex={tabIndex}
            checked={isSelected}
            readOnly
            onClick={(event: MouseEvent) => onSelect(event.shiftKey)}
            className={cx("absolute top-2.5 left-2.5 size-6 cursor-pointer accent-primary", !isSelected && !selecting && WHEN_NEEDED)}
          />
        ) : null}
        {video.trashed_at ? null : (
          <IconButton
            name={t(video.favourite ? "unfavourite" : "favourite")}
            aria-pressed={video.favourite}
            tabIndex={tabIndex}
            size="s"
            onClick={() => toggleFavourite(video)}
            className={cx("top-2 right-2", OVER, !video.favourite && WHEN_NEEDED)}
          >
            <Heart aria-hidden className={cx(video.favourite && "fill-current")} />
          </IconButton>
        )}
        <Marks video={video} />
        {isSelected ? <span aria-hidden className="pointer-events-none absolute inset-0 rounded-l shadow-[inset_0_0_0_3px_var(--color-ring),inset_0_0_0_5px_var(--color-bg)]" /> : null}
      </div>
      <div className="flex items-start gap-1">
        <p className="line-clamp-2 min-w-0 flex-1 pt-1 text-s [overflow-wrap:anywhere]">
          {/* For pointers: a tap on the poster plays the preview first. The link of the poster has the same name. */}
          <Link href={`/v/${video.id}`} prefetch={false} scroll={false} aria-hidden tabIndex={-1}>
            {name}
          </Link>
        </p>
        <TileMenu video={video} tabIndex={tabIndex} />
      </div>
    </article>
  );
}

function Marks({ video }: { video: Video }) {
  const t = useTranslations("videos");
  const hidden = video.moderation.state === "hidden";
  if (!hidden && video.visibility !== "public") return null;
  const text = t(hidden ? "hiddenTitle" : "published");
  return (
    <span title={text} className="pointer-events-none absolute bottom-2 left-2 rounded-full bg-black/60 p-1.5 text-white">
      {hidden ? <ShieldAlert role="img" aria-label={text} className="size-3.5" /> : <Globe role="img" aria-label={text} className="size-3.5" />}
    </span>
  );
}

function TileMenu({ video, tabIndex }: { video: Video; tabIndex: number }) {
  const t = useTranslations("videos");
  const common = useTranslations("common");
  const { reuse, trash } = useVideoActions();
  return (
    <Menu
      trigger={
        <IconButton name={`${common("more")}: ${nameOf(video)}`} size="s" tabIndex={tabIndex}>
          <Ellipsis aria-hidden />
        </IconButton>
      }
    >
      <MenuItem icon={<Copy aria-hidden />} onSelect={() => reuse(video, "settings")}>
        {t("useSettings")}
      </MenuItem>
      <MenuItem icon={<Sprout aria-hidden />} onSelect={() => reuse(video, "seed")}>
        {t("useSeed")}
      </MenuItem>
      <MenuItem icon={<Dices aria-hidden />} onSelect={() => reuse(video, "vary")}>
        {t("vary")}
      </MenuItem>
      <MenuSeparator />
      <MenuItem icon={video.trashed_at ? <RotateCcw aria-hidden /> : <Trash2 aria-hidden />} onSelect={() => trash(video)} danger={!video.trashed_at}>
        {t(video.trashed_at ? "restore" : "moveToTrash")}
      </MenuItem>
    </Menu>
  );
}
