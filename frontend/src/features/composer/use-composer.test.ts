import { expect, test } from "vitest";
import { seedsOf } from "./use-composer";

test("variations have seeds of their own", () => {
  expect(seedsOf(null, 1)).toEqual([null]);
  expect(seedsOf(7, 3)).toEqual([7, 8, 9]);
  expect(seedsOf(2 ** 32 - 1, 2)).toEqual([2 ** 32 - 1, 0]);
  expect(new Set(seedsOf(null, 8)).size).toBe(8);
});
