import { expect, test } from "vitest";
import type { Queued } from "./api";
import { grouped, nextAfter } from "./grouped";

const report = (id: string, video_id: string) => ({ id, video_id }) as Queued;
const QUEUE = [report("1", "a"), report("2", "b"), report("3", "a"), report("4", "c")];

test("a video with several reports is one entry", () => {
  expect(grouped(QUEUE).map(({ id }) => id)).toEqual(["1", "2", "4"]);
});

test("after a decision the next entry follows, at the end the one before, and then none", () => {
  const entries = grouped(QUEUE);
  expect(nextAfter(entries, "a")).toBe("b");
  expect(nextAfter(entries, "c")).toBe("b");
  expect(nextAfter([report("1", "a")], "a")).toBeNull();
});
