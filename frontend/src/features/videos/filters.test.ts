import { expect, test } from "vitest";
import { video } from "@/test-samples";
import { NO_FILTERS, filtersOf, fulfils, isFiltered, queryOf, requestOf, type Filters } from "./filters";

const ALL: Filters = { q: "red & blue", show: "favourites", format: "webm", tag: "très bien", from: "2026-11-01", to: "2026-11-30" };

test("filters survive the address", () => {
  expect(filtersOf(new URLSearchParams(queryOf(ALL)))).toEqual(ALL);
  expect(queryOf(NO_FILTERS)).toBe("");
  expect(filtersOf(new URLSearchParams())).toEqual(NO_FILTERS);
});

test("values that do not exist are left out", () => {
  expect(filtersOf(new URLSearchParams("show=everything&format=avi&from=2026-02-30&to=soon"))).toEqual(NO_FILTERS);
});

test("the request names what is filtered only", () => {
  expect(requestOf(NO_FILTERS)).toEqual({ trashed: false });
  expect(requestOf({ ...NO_FILTERS, show: "trash" })).toEqual({ trashed: true });
  expect(requestOf({ ...NO_FILTERS, show: "public" })).toEqual({ trashed: false, visibility: "public" });
  expect(requestOf(ALL)).toEqual({
    trashed: false,
    q: "red & blue",
    favourite: true,
    format: "webm",
    tag: "très bien",
    created_after: new Date(2026, 10, 1).toISOString(),
    created_before: new Date(2026, 11, 1).toISOString(),
  });
});

test("the trash is a place, not a filter", () => {
  expect(isFiltered({ ...NO_FILTERS, show: "trash" })).toBe(false);
  expect(isFiltered({ ...NO_FILTERS, tag: "a" })).toBe(true);
  expect(isFiltered({ ...NO_FILTERS, to: "2026-11-21" })).toBe(true);
});

test("whether a video fulfils the filters is known without the gateway, but for a search", () => {
  const one = video("one", { favourite: true, visibility: "public", format: "webm", tags: ["shapes"], created_at: new Date(2026, 10, 30, 23, 59).toISOString() });
  const all: Partial<Filters>[] = [{}, { show: "favourites" }, { show: "public" }, { format: "webm" }, { tag: "#Shapes" }, { from: "2026-11-30", to: "2026-11-30" }];
  expect(all.filter((filters) => !fulfils(one, { ...NO_FILTERS, ...filters }))).toEqual([]);
  const none: Partial<Filters>[] = [{ show: "trash" }, { format: "gif" }, { tag: "other" }, { from: "2026-12-01" }, { to: "2026-11-29" }];
  expect(none.filter((filters) => fulfils(one, { ...NO_FILTERS, ...filters }))).toEqual([]);
  expect(fulfils(video("plain"), { ...NO_FILTERS, show: "favourites" })).toBe(false);
});
