"use client";
import { useDeferredValue, useEffect, useRef, useState } from "react";
import { Heart, Images, SearchX, Trash2 } from "lucide-react";
import { Chip } from "@/components/chip";
import { SelectField, TextField } from "@/components/field";
import { ErrorView, Skeleton, StateView } from "@/components/states";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import { useVideos, type Filters } from "./api";
import { VideoTile } from "./video-tile";

const NO_FILTERS: Filters = { q: "", favourite: false, trashed: false, format: "" };
const SKELETONS = 12;
const GRID = "grid grid-cols-2 gap-x-4 gap-y-6 sm:grid-cols-3 lg:grid-cols-4 xl:grid-cols-5";

/** The finished videos of this person: search, filters, and pages that load as they come near. */
export function GalleryView() {
  const t = useTranslations("videos");
  const [filters, setFilters] = useState(NO_FILTERS);
  const q = useDeferredValue(filters.q.trim());
  const videos = useVideos({ ...filters, q });
  const shown = videos.data?.pages.flatMap((page) => page.data) ?? [];
  const filtered = Boolean(q || filters.favourite || filters.format);
  return (
    <div className="grid gap-6">
      <div className="flex flex-wrap items-end justify-between gap-4">
        <h1 className="text-l font-semibold">{t("title")}</h1>
        <div className="flex flex-wrap items-center gap-2">
          <Chip aria-pressed={filters.favourite} onClick={() => setFilters({ ...filters, favourite: !filters.favourite })}>
            <Heart aria-hidden className="mr-1.5 size-3.5" />
            {t("favourites")}
          </Chip>
          <Chip aria-pressed={filters.trashed} onClick={() => setFilters({ ...filters, trashed: !filters.trashed })}>
            <Trash2 aria-hidden className="mr-1.5 size-3.5" />
            {t("trash")}
          </Chip>
          <SelectField
            hideLabel
            label={t("format")}
            value={filters.format}
            onChange={(event) => setFilters({ ...filters, format: event.target.value as Filters["format"] })}
            options={[{ value: "", label: t("anyFormat") }, ...LIMITS.format.values.map((value) => ({ value, label: value.toUpperCase() }))]}
          />
          <TextField
            hideLabel
            label={t("search")}
            type="search"
            placeholder={t("search")}
            value={filters.q}
            onChange={(event) => setFilters({ ...filters, q: event.target.value })}
          />
        </div>
      </div>
      {filters.trashed ? <p className="text-s text-muted">{t("trashLead")}</p> : null}
      {videos.isError ? <ErrorView error={videos.error} title={t("loadFailed")} onRetry={() => void videos.refetch()} /> : null}
      {videos.isPending ? (
        <div className={GRID}>
          {Array.from({ length: SKELETONS }, (_, index) => (
            <Skeleton key={index} className="aspect-square rounded-l" />
          ))}
        </div>
      ) : null}
      {videos.isSuccess && shown.length === 0 ? <Empty filtered={filtered} trashed={filters.trashed} /> : null}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the arrows only move the focus between its links */}
      <ul className={GRID} onKeyDown={moveFocus}>
        {shown.map((video) => (
          <li key={video.id} className="min-w-0 [contain-intrinsic-size:auto_16rem] [content-visibility:auto]">
            <VideoTile video={video} />
          </li>
        ))}
      </ul>
      {videos.hasNextPage ? <Sentinel key={shown.length} onNear={() => void videos.fetchNextPage()} /> : null}
    </div>
  );
}

function Empty({ filtered, trashed }: { filtered: boolean; trashed: boolean }) {
  const t = useTranslations("videos");
  if (filtered) {
    return (
      <StateView title={t("noneTitle")} icon={<SearchX aria-hidden />}>
        {t("none")}
      </StateView>
    );
  }
  return (
    <StateView title={t(trashed ? "trashEmpty" : "emptyTitle")} icon={<Images aria-hidden />}>
      {trashed ? null : t("empty")}
    </StateView>
  );
}

/** Loads the next page before its place comes into view. */
function Sentinel({ onNear }: { onNear: () => void }) {
  const ref = useRef<HTMLDivElement>(null);
  const near = useRef(onNear);
  useEffect(() => {
    near.current = onNear;
  });
  useEffect(() => {
    if (!ref.current) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && near.current(), { rootMargin: "600px" });
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return <div ref={ref} aria-hidden className="h-px" />;
}

/** Arrows move between the tiles: left and right by one, up and down by a row. */
function moveFocus(event: React.KeyboardEvent<HTMLUListElement>): void {
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>("article a")];
  const at = links.indexOf(document.activeElement as HTMLElement);
  if (at === -1) return;
  const columns = getComputedStyle(event.currentTarget).gridTemplateColumns.split(" ").length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  if (!step) return;
  event.preventDefault();
  links[at + step]?.focus();
}
