/** What the gallery shows, as the query of its address: a filtered gallery can be bookmarked and survives a reload. */
import { LIMITS } from "@/lib/api/limits.gen";

export const SHOWN = ["all", "favourites", "public", "trash"] as const;
export type Format = (typeof LIMITS.format.values)[number];
export type Filters = { q: string; show: (typeof SHOWN)[number]; format: Format | ""; tag: string };

export const NO_FILTERS: Filters = { q: "", show: "all", format: "", tag: "" };

export function filtersOf(query: URLSearchParams): Filters {
  const text = (name: string) => query.get(name)?.trim() ?? "";
  return {
    q: text("q"),
    show: SHOWN.find((one) => one === query.get("show")) ?? "all",
    format: LIMITS.format.values.find((one) => one === query.get("format")) ?? "",
    tag: text("tag"),
  };
}

/** The query of an address, empty without filters. */
export function queryOf({ q, show, format, tag }: Filters): string {
  const query = new URLSearchParams();
  if (q.trim()) query.set("q", q.trim());
  if (show !== "all") query.set("show", show);
  if (format) query.set("format", format);
  if (tag) query.set("tag", tag);
  const text = query.toString();
  return text && `?${text}`;
}

/** The parameters of GET /api/videos. */
export function requestOf({ q, show, format, tag }: Filters) {
  return {
    trashed: show === "trash",
    ...(q && { q }),
    ...(show === "favourites" && { favourite: true }),
    ...(show === "public" && { visibility: "public" as const }),
    ...(format && { format }),
    ...(tag && { tag }),
  };
}

export function isFiltered({ q, show, format, tag }: Filters): boolean {
  return Boolean(q || format || tag) || show === "favourites" || show === "public";
}
