"use client";
import { usePathname, useSearchParams } from "next/navigation";
import { useEffect, useState } from "react";
import { ErrorView, Skeleton } from "@/components/states";
import { useTranslations } from "@/lib/i18n";
import { useShortcuts } from "@/lib/use-shortcuts";
import { BulkBar } from "./bulk-bar";
import { EmptyGallery } from "./empty-gallery";
import { NO_FILTERS, filtersOf, isFiltered, queryOf, type Filters } from "./filters";
import { GalleryToolbar } from "./gallery-toolbar";
import { NOTHING, visible } from "./selection";
import { useVideos } from "./use-videos";
import { VideoGrid } from "./video-grid";

/** The pause in typing after which a search starts. */
const SEARCH_MS = 250;
const SKELETONS = 12;

/** The finished videos of this person. What is shown is in the address. */
export function GalleryView() {
  const t = useTranslations("videos");
  const [filters, change] = useFilters();
  const [search, setSearch] = useSearch(filters.q, (q) => change({ q }));
  const [chosen, setChosen] = useState(NOTHING);
  const videos = useVideos(filters);
  const { list } = videos;
  const shown = list?.videos ?? [];
  const order = shown.map(({ id }) => id);
  const selection = visible(chosen, order);
  const clear = () => setChosen(NOTHING);
  useShortcuts(selection.size > 0 ? { escape: clear } : {});
  const trashed = filters.show === "trash";
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-6">
      <div className="grid gap-4">
        <h1 className="text-l font-semibold">{t("title")}</h1>
        <GalleryToolbar filters={filters} search={search} onSearch={setSearch} onChange={change} />
        {trashed ? <p className="text-s text-muted">{t("trashLead")}</p> : null}
      </div>
      {videos.error ? <ErrorView error={videos.error} title={t("loadFailed")} onRetry={videos.retry} /> : null}
      {videos.isPending ? <GallerySkeleton /> : null}
      {list && shown.length === 0 ? (
        <EmptyGallery filtered={isFiltered(filters)} trashed={trashed} onClear={() => (setSearch(""), change(NO_FILTERS))} />
      ) : null}
      {shown.length > 0 ? (
        <VideoGrid videos={shown} selection={selection} onSelection={setChosen} hasMore={list?.hasMore ?? false} onMore={videos.more} onShown={videos.renew} />
      ) : null}
      {selection.size > 0 ? (
        <BulkBar
          videos={shown.filter(({ id }) => selection.has(id))}
          trashed={trashed}
          onSelectAll={() => setChosen(new Set(order))}
          onClear={clear}
        />
      ) : null}
    </div>
  );
}

/**
 * The filters, which apply at once and are written into the address. The address wins where it changed otherwise: back,
 * the command menu. While a video is open above the gallery, the address is the video's.
 */
function useFilters(): [Filters, (change: Partial<Filters>) => void] {
  const query = useSearchParams().toString();
  const isHere = usePathname() === "/gallery";
  const [filters, setFilters] = useState(() => filtersOf(new URLSearchParams(query)));
  const [seen, setSeen] = useState(query);
  if (isHere && query !== seen) {
    setSeen(query);
    const next = filtersOf(new URLSearchParams(query));
    if (queryOf(next) !== queryOf(filters)) setFilters(next);
  }
  const change = (values: Partial<Filters>) => {
    const next = { ...filters, ...values };
    setFilters(next);
    history.replaceState(null, "", `/gallery${queryOf(next)}`);
  };
  return [filters, change];
}

/** The text of the field at once, and the search after a pause. */
function useSearch(value: string, onSearch: (text: string) => void): [string, (text: string) => void] {
  const [typed, setTyped] = useState<{ text: string; from: string } | null>(null);
  // An address that changed otherwise (back, the command menu) wins over the field.
  const text = typed && (typed.from === value || typed.text.trim() === value) ? typed.text : value;
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = setTimeout(() => onSearch(text.trim()), SEARCH_MS);
    return () => clearTimeout(timer);
  });
  return [text, (next) => setTyped({ text: next, from: value })];
}

export function GallerySkeleton() {
  return (
    <div aria-hidden className="grid grid-cols-2 gap-x-4 gap-y-6 sm:grid-cols-[repeat(auto-fill,minmax(13rem,1fr))]">
      {Array.from({ length: SKELETONS }, (_, index) => (
        <div key={index} className="grid gap-3">
          <Skeleton className="aspect-square rounded-l" />
          <Skeleton className="h-5 w-3/4" />
        </div>
      ))}
    </div>
  );
}
