import { expect, test } from "vitest";
import { range, rounded } from "./duration";

test("durations are as exact as they are known", () => {
  expect([0.2, 3.4, 12, 39.7, 100, 290, 1000].map(rounded)).toEqual([1, 3, 10, 40, 105, 285, 1020]);
});

test("an estimate is a range", () => {
  expect(range(40)).toEqual([30, 50]);
  expect(range(2)).toEqual([2, 3]);
});
