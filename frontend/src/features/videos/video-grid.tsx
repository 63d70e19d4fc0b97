"use client";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";
import { useTranslations } from "@/lib/i18n";
import { usePreferences } from "@/lib/preferences";
import { mayFire, shortcutOf } from "@/lib/use-shortcuts";
import type { Video } from "./api";
import { GAP, gridOf, moved } from "./grid";
import { extended, toggled, type Selection } from "./selection";
import { useVideoActions } from "./use-video-actions";
import { VideoTile } from "./video-tile";

const OVERSCAN_ROWS = 2;
/** The next page is requested this many rows before the last one. */
const ROWS_BEFORE_END = 4;
const SHOWN_AGAIN_MS = 60_000;
/** About a second. */
const FRAMES_TO_RENDER = 60;
/** A first guess, for the first paint. */
const WIDTH = 1200;

type Props = {
  videos: Video[];
  selection: Selection;
  onSelection: (selection: Selection) => void;
  hasMore: boolean;
  onMore: () => void;
  /** The videos from one index to another are rendered. Called again while they are. */
  onShown: (first: number, last: number) => void;
};

/** The tiles. Only the rows near the view are rendered; the arrows move between all of them. */
export function VideoGrid({ videos, selection, onSelection, hasMore, onMore, onShown }: Props) {
  const t = useTranslations("videos");
  const list = useRef<HTMLUListElement>(null);
  const { width, top } = usePlace(list);
  const { columns, tile, row } = gridOf(width);
  const rows = Math.ceil(videos.length / columns);
  const virtual = useWindowVirtualizer({ count: rows, estimateSize: () => row, overscan: OVERSCAN_ROWS, scrollMargin: top });
  useEffect(() => virtual.measure(), [virtual, row]);
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  const near = hasMore && last >= rows - ROWS_BEFORE_END;
  useEffect(() => {
    if (near) onMore();
  });
  const first = shown[0]?.index ?? 0;
  useEffect(() => {
    const report = () => onShown(first * columns, (last + 1) * columns - 1);
    report();
    const timer = setInterval(report, SHOWN_AGAIN_MS);
    return () => clearInterval(timer);
  });

  const [stop, setStop] = useState(0);
  const [anchor, setAnchor] = useState<string | null>(null);
  const current = Math.min(stop, videos.length - 1);
  const focus = (index: number) => {
    setStop(index);
    virtual.scrollToIndex(Math.floor(index / columns), { align: "auto" });
    focusTile(list, index);
  };
  const onKeyDown = useTileKeys(videos[current], (event) => {
    const to = moved(event.key, current, columns, videos.length);
    if (to === null || !(event.target as Element).matches("[data-tile]")) return false;
    focus(to);
    return true;
  });
  const select = (video: Video, withShift: boolean) => {
    const order = videos.map(({ id }) => id);
    onSelection(withShift ? extended(selection, order, anchor, video.id) : toggled(selection, video.id));
    setAnchor(video.id);
  };
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the links and buttons inside are the controls
    <ul ref={list} aria-label={t("title")} className="relative" style={{ height: virtual.getTotalSize() }} onKeyDown={onKeyDown}>
      {shown.flatMap(({ index: rowIndex, start }) =>
        videos.slice(rowIndex * columns, (rowIndex + 1) * columns).map((video, column) => {
          const index = rowIndex * columns + column;
          return (
            <li
              key={video.id}
              data-index={index}
              aria-setsize={hasMore ? -1 : videos.length}
              aria-posinset={index + 1}
              onFocus={() => setStop(index)}
              className="absolute top-0 left-0"
              style={{ width: tile, transform: `translate(${column * (tile + GAP)}px, ${start - top}px)` }}
            >
              <VideoTile
                video={video}
                isStop={index === current}
                isSelected={selection.has(video.id)}
                selecting={selection.size > 0}
                onSelect={(withShift) => select(video, withShift)}
              />
            </li>
          );
        }),
      )}
    </ul>
  );
}

/** Focus a tile when its row is rendered: after a long scroll, that takes more than one frame. */
function focusTile(list: React.RefObject<HTMLUListElement | null>, index: number, frames = FRAMES_TO_RENDER): void {
  requestAnimationFrame(() => {
    const tile = list.current?.querySelector<HTMLElement>(`[data-index="${index}"] [data-tile]`);
    if (tile) tile.focus();
    else if (frames > 0) focusTile(list, index, frames - 1);
  });
}

/** The width of the list, and where it begins in the page. */
function usePlace(list: React.RefObject<HTMLUListElement | null>): { width: number; top: number } {
  const [place, setPlace] = useState({ width: WIDTH, top: 0 });
  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    const measure = () => {
      const box = element.getBoundingClientRect();
      setPlace({ width: box.width, top: box.top + scrollY });
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [list]);
  return place;
}

/** The keys of the tile that has the focus. They may be switched off, and never fire where people type. */
function useTileKeys(video: Video | undefined, move: (event: KeyboardEvent) => boolean) {
  const singleKeys = usePreferences((preferences) => preferences.singleKeys);
  const { toggleFavourite, reuse, trash } = useVideoActions();
  return (event: KeyboardEvent) => {
    if (move(event)) return event.preventDefault();
    if (!video || !mayFire(event.nativeEvent, singleKeys)) return;
    const actions: Record<string, () => void> = {
      ".": () => toggleFavourite(video),
      r: () => reuse(video, "settings"),
      s: () => reuse(video, "seed"),
      delete: () => trash(video),
    };
    const run = actions[shortcutOf(event.nativeEvent)];
    if (!run) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  };
}
