/** What the gallery shows, as the query of its address: a filtered gallery can be bookmarked and survives a reload. */
import { LIMITS } from "@/lib/api/limits.gen";
import type { Video } from "./api";
import { boundsOf, validDay } from "./period";
import { tagsOf } from "./tags";

export const SHOWN = ["all", "favourites", "public", "trash"] as const;
export type Format = (typeof LIMITS.format.values)[number];
export type Filters = { q: string; show: (typeof SHOWN)[number]; format: Format | ""; tag: string; from: string; to: string };

export const NO_FILTERS: Filters = { q: "", show: "all", format: "", tag: "", from: "", to: "" };

export function filtersOf(query: URLSearchParams): Filters {
  const text = (name: string) => query.get(name)?.trim() ?? "";
  return {
    q: text("q"),
    show: SHOWN.find((one) => one === query.get("show")) ?? "all",
    format: LIMITS.format.values.find((one) => one === query.get("format")) ?? "",
    tag: text("tag"),
    from: validDay(text("from")),
    to: validDay(text("to")),
  };
}

/** The query of an address, empty without filters. */
export function queryOf({ q, show, ...others }: Filters): string {
  const query = new URLSearchParams();
  if (q.trim()) query.set("q", q.trim());
  if (show !== "all") query.set("show", show);
  for (const name of ["format", "tag", "from", "to"] as const) if (others[name]) query.set(name, others[name]);
  const text = query.toString();
  return text && `?${text}`;
}

/** The parameters of GET /api/videos. */
export function requestOf({ q, show, format, tag, ...period }: Filters) {
  return {
    trashed: show === "trash",
    ...(q && { q }),
    ...(show === "favourites" && { favourite: true }),
    ...(show === "public" && { visibility: "public" as const }),
    ...(format && { format }),
    ...(tag && { tag }),
    ...boundsOf(period),
  };
}

export function isFiltered({ show, ...others }: Filters): boolean {
  return Object.values(others).some(Boolean) || show === "favourites" || show === "public";
}

/** Whether a video fulfils the filters. The words of a search are left to the gateway. */
export function fulfils(video: Video, { show, format, tag, ...period }: Filters): boolean {
  const { created_after, created_before } = boundsOf(period);
  const created = Date.parse(video.created_at);
  return (
    (video.trashed_at !== null) === (show === "trash") &&
    (show !== "favourites" || video.favourite) &&
    (show !== "public" || video.visibility === "public") &&
    (!format || video.format === format) &&
    (!tag || tagsOf(tag).every((one) => video.tags.includes(one))) &&
    (!created_after || created >= Date.parse(created_after)) &&
    (!created_before || created < Date.parse(created_before))
  );
}
