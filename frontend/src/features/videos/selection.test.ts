import { expect, test } from "vitest";
import { NOTHING, batches, extended, toggled, visible } from "./selection";

const ORDER = ["a", "b", "c", "d", "e"];

test("a click chooses, and chooses no longer", () => {
  const one = toggled(NOTHING, "a");
  expect([...one]).toEqual(["a"]);
  expect([...toggled(one, "a")]).toEqual([]);
  expect([...NOTHING]).toEqual([]);
});

test("Shift adds all between, in both directions", () => {
  expect([...extended(new Set(["b"]), ORDER, "b", "d")]).toEqual(["b", "c", "d"]);
  expect([...extended(new Set(["d"]), ORDER, "d", "b")].sort()).toEqual(["b", "c", "d"]);
  expect([...extended(NOTHING, ORDER, null, "c")]).toEqual(["c"]);
  expect([...extended(NOTHING, ORDER, "gone", "c")]).toEqual(["c"]);
});

test("what is no longer shown is no longer chosen", () => {
  expect([...visible(new Set(["a", "x"]), ORDER)]).toEqual(["a"]);
});

test("requests have at most a hundred ids", () => {
  const ids = Array.from({ length: 201 }, (_, index) => String(index));
  expect(batches(ids).map((batch) => batch.length)).toEqual([100, 100, 1]);
  expect(batches([])).toEqual([]);
});
