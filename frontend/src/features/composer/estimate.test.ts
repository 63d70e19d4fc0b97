import { expect, test } from "vitest";
import { sendingJob, type Job } from "@/features/jobs/job";
import { estimateSeconds } from "./estimate";
import { DEFAULTS } from "./settings";
import { seedsOf } from "./use-composer";

const MS = { preprocess: 100, generate: 4000, interpolate: 1000, upscale: 2000, postprocess: 900 };

function done(change: Partial<Job> = {}): Job {
  const job = sendingJob("j", { prompt: "a", ...DEFAULTS, model: "tiny", num_inference_steps: 10 });
  const stages = Object.entries(MS).map(([name, duration_ms]) => ({ name, status: "done", value: 1, duration_ms }));
  return { ...job, status: "succeeded", progress: { ...job.progress, stages } as Job["progress"], ...change };
}

const SETTINGS = { ...DEFAULTS, model: "tiny", num_inference_steps: 10 };

test("the same request takes as long as the last one", () => {
  expect(estimateSeconds(SETTINGS, undefined, [done()])).toBe(8);
});

test("drawing grows with the steps, finishing with the pixels", () => {
  expect(estimateSeconds({ ...SETTINGS, num_inference_steps: 20 }, undefined, [done()])).toBe(12);
  expect(estimateSeconds({ ...SETTINGS, width: 1024 }, undefined, [done()])).toBeCloseTo(11.9);
});

test("nothing is said before the first video of the model", () => {
  expect(estimateSeconds(SETTINGS, undefined, [])).toBeNull();
  expect(estimateSeconds({ ...SETTINGS, model: "other" }, undefined, [done()])).toBeNull();
  expect(estimateSeconds(SETTINGS, undefined, [done({ status: "failed" })])).toBeNull();
});

test("variations have seeds of their own", () => {
  expect(seedsOf(null, 1)).toEqual([null]);
  expect(seedsOf(7, 3)).toEqual([7, 8, 9]);
  expect(seedsOf(2 ** 32 - 1, 2)).toEqual([2 ** 32 - 1, 0]);
  expect(new Set(seedsOf(null, 8)).size).toBe(8);
});
