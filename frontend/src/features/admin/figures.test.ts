import { expect, test } from "vitest";
import { bars, inUnits, stageReplicas, total, type Hour } from "./figures";

const count = (number: number, more = false) => ({ count: number, more });
const hour = (succeeded: number, failed = 0, canceled = 0) =>
  ({ hour: "2026-11-20T14:00:00Z", succeeded: count(succeeded), failed: count(failed), canceled: count(canceled) }) satisfies Hour;

test("the highest bar is the hour in which most jobs ended", () => {
  const [quiet, busy, empty] = bars([hour(10), hour(30, 9, 1), hour(0)]);
  expect(quiet?.percent).toEqual({ succeeded: 25, failed: 0, canceled: 0 });
  expect(busy?.percent).toEqual({ succeeded: 75, failed: 22.5, canceled: 2.5 });
  expect([quiet, busy, empty].map((bar) => bar?.empty)).toEqual([false, false, true]);
});

test("hours without jobs have no height, and no hours make no bars", () => {
  expect(bars([hour(0)])[0]?.percent).toEqual({ succeeded: 0, failed: 0, canceled: 0 });
  expect(bars([])).toEqual([]);
});

test.each([
  [0, 0, "byte"],
  [999, 999, "byte"],
  [1000, 1, "kilobyte"],
  [903_412_224, 903.412224, "megabyte"],
  [5e9, 5, "gigabyte"],
  [7e15, 7000, "terabyte"],
])("%d bytes", (bytes, value, unit) => {
  expect(inUnits(bytes)).toEqual({ value, unit });
});

test("stages are listed in the order of the pipeline, unknown ones last", () => {
  const found = stageReplicas({ upscale: { running: 1, starting: 2 }, other: {}, generate: { stopping: 1 }, preprocess: { running: 3 } });
  expect(found).toEqual([
    { stage: "preprocess", running: 3, others: 0 },
    { stage: "generate", running: 0, others: 1 },
    { stage: "upscale", running: 1, others: 2 },
    { stage: "other", running: 0, others: 0 },
  ]);
});

test("objects and bytes are added up", () => {
  expect(total([{ objects: 1, bytes: 10 }, { objects: 2, bytes: 5 }])).toEqual({ objects: 3, bytes: 15 });
  expect(total([])).toEqual({ objects: 0, bytes: 0 });
});
