import { expect, test } from "vitest";
import { frameAt } from "./use-video-actions";

const FILE = { duration_seconds: 2, fps: 24 };

test.each([
  ["at the start", 0, 0],
  ["between two frames", 0.51234, 0.512],
  ["at the end, which is after the last frame", 2, 1.958],
])("the frame that is shown %s", (_, seconds, at) => {
  expect(frameAt(FILE, seconds)).toBe(at);
});
