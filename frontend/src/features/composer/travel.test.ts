import { expect, test } from "vitest";
import { changesOf, nextMoment, travelOf } from "./travel";

const VIDEO = { fps: 24, duration_seconds: 3 };

test("prompt changes are sent as they were taken over", () => {
  const travel = { "12": "a", "2.5s": "b" };
  expect(travelOf(changesOf(travel))).toEqual(travel);
  expect(changesOf(undefined)).toEqual([]);
});

test("an added change is after the others, and in the video", () => {
  const moments: string[] = [];
  for (let count = 0; count < 4; count += 1) moments.push(nextMoment(moments.map((at) => ({ at, prompt: "a" })), VIDEO));
  expect(moments).toEqual(["1s", "2s", "2.5s", "2.75s"]);
  expect(nextMoment([{ at: "9s", prompt: "a" }], VIDEO)).toBe("1s");
  expect(nextMoment([{ at: "24", prompt: "a" }], VIDEO)).toBe("2s");
});
