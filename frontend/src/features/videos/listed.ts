/**
 * The loaded part of a list of videos, newest first. Reading a page again replaces what that page covers, so a list of
 * any length is kept current by its first page. Pure functions.
 */
import type { Schemas } from "@/lib/api/client";
import { fulfils, type Filters } from "./filters";

type Video = Schemas["VideoView"];
type Page = Schemas["VideoList"];

/** `readAt`: when each video was read, by its id; its links are valid for an hour from then. */
export type Listed = { videos: Video[]; hasMore: boolean; readAt: ReadonlyMap<string, number> };

/** Signed links are valid for an hour. */
export const LINKS_STALE_MS = 50 * 60_000;

function read(old: Listed | undefined, videos: Video[], now: number): Map<string, number> {
  return new Map([...(old?.readAt ?? []), ...videos.map(({ id }) => [id, now] as const)]);
}

/** The list after a page was read. `after` is the video before the page; null: it is the first page. */
export function withPage(old: Listed | undefined, page: Page, after: string | null = null, now = Date.now()): Listed {
  const { data, last_id: last } = page;
  const readAt = read(old, data, now);
  const newer = after === null ? [] : (old?.videos ?? []).filter(({ id }) => id >= after);
  const videos = [...newer, ...data];
  if (!old || !page.has_more || last === null) return { videos, hasMore: page.has_more, readAt };
  const older = old.videos.filter(({ id }) => id < last);
  const covered = old.videos.some(({ id }) => id >= last && (after === null || id < after));
  // Nothing known is in the page: between it and the older videos there may be others that were never read.
  if (older.length === 0 || !covered) return { videos, hasMore: true, readAt };
  return { videos: [...videos, ...older], hasMore: old.hasMore, readAt };
}

/**
 * The list after videos were changed. Those that go to the trash or come back leave; those that fulfil the filters now
 * enter at their place. One that no longer fulfils another filter stays until the list is read again, so that a mistake
 * can be undone where it was made.
 */
export function withChanged(old: Listed, filters: Filters, changed: Video[], now = Date.now()): Listed {
  const byId = new Map(changed.map((video) => [video.id, video]));
  const left = (video: Video) => (video.trashed_at !== null) !== (filters.show === "trash");
  const kept = old.videos.map((video) => byId.get(video.id) ?? video).filter((video) => !byId.has(video.id) || !left(video));
  const end = old.hasMore ? (old.videos.at(-1)?.id ?? "") : "";
  const entering = filters.q ? [] : absent(old, filters, changed).filter(({ id }) => id > end);
  const videos = [...kept, ...entering].sort((a, b) => (a.id < b.id ? 1 : -1));
  return { videos, hasMore: old.hasMore, readAt: read(old, changed, now) };
}

/** The changed videos that are not in the list, and belong there unless a search does not find them. */
export function absent(old: Listed, filters: Filters, changed: Video[]): Video[] {
  const known = new Set(old.videos.map(({ id }) => id));
  return changed.filter((video) => !known.has(video.id) && fulfils(video, filters));
}

export function without(old: Listed, ids: string[]): Listed {
  return { ...old, videos: old.videos.filter(({ id }) => !ids.includes(id)) };
}

/** Where to read again, so that the links of these videos are renewed; undefined: they are fresh. */
export function expiring({ videos, readAt }: Listed, first: number, last: number, now = Date.now()): { after: string | null } | undefined {
  const isStale = ({ id }: Video) => now - (readAt.get(id) ?? 0) > LINKS_STALE_MS;
  const index = videos.slice(first, last + 1).findIndex(isStale);
  return index === -1 ? undefined : { after: videos[first + index - 1]?.id ?? null };
}
