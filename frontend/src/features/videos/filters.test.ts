import { expect, test } from "vitest";
import { NO_FILTERS, filtersOf, isFiltered, queryOf, requestOf, type Filters } from "./filters";

const ALL: Filters = { q: "red & blue", show: "favourites", format: "webm", tag: "très bien" };

test("filters survive the address", () => {
  expect(filtersOf(new URLSearchParams(queryOf(ALL)))).toEqual(ALL);
  expect(queryOf(NO_FILTERS)).toBe("");
  expect(filtersOf(new URLSearchParams())).toEqual(NO_FILTERS);
});

test("values that do not exist are left out", () => {
  expect(filtersOf(new URLSearchParams("show=everything&format=avi"))).toEqual(NO_FILTERS);
});

test("the request names what is filtered only", () => {
  expect(requestOf(NO_FILTERS)).toEqual({ trashed: false });
  expect(requestOf({ ...NO_FILTERS, show: "trash" })).toEqual({ trashed: true });
  expect(requestOf({ ...NO_FILTERS, show: "public" })).toEqual({ trashed: false, visibility: "public" });
  expect(requestOf(ALL)).toEqual({ trashed: false, q: "red & blue", favourite: true, format: "webm", tag: "très bien" });
});

test("the trash is a place, not a filter", () => {
  expect(isFiltered({ ...NO_FILTERS, show: "trash" })).toBe(false);
  expect(isFiltered({ ...NO_FILTERS, tag: "a" })).toBe(true);
});
