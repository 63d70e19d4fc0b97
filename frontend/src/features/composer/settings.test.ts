import { describe, expect, test } from "vitest";
import openapi from "../../../openapi.json";
import type { Model } from "@/features/models/api";
import { MODEL as SAMPLE } from "@/test-samples";
import { DEFAULTS, applicable, changed, inapplicable, problemOf, qualitiesOf, qualityOf, ratioOf, requestOf, settingsOf, stepsFor } from "./settings";

const MODEL: Model = { ...SAMPLE, words: null, phrases: null };

test("every field of the schema is in the form, and no other", () => {
  const fields = Object.keys(openapi.components.schemas.Spec.properties);
  expect(["prompt", ...Object.keys(DEFAULTS)].sort()).toEqual(fields.sort());
});

test("the defaults are those of the schema", () => {
  const properties = openapi.components.schemas.Spec.properties as Record<string, { default?: unknown }>;
  const differing = Object.entries(DEFAULTS).filter(([name, value]) => name !== "model" && (properties[name]?.default ?? value) !== value);
  expect(differing.filter(([name]) => name !== "loras" && name !== "prompt_travel")).toEqual([]);
});

test("a request says what differs from the defaults, and can be taken over again", () => {
  const settings = { ...DEFAULTS, fps: 30, style: "night", prompt_travel: [{ at: "1s", prompt: "a star" }] };
  const request = requestOf("  a star ", settings, 7);
  expect(request).toEqual({ prompt: "a star", fps: 30, style: "night", prompt_travel: { "1s": "a star" }, seed: 7 });
  expect(settingsOf(request)).toEqual({ ...settings, seed: 7 });
  expect(changed(DEFAULTS)).toEqual({});
});

test("fields of a newer server are left out when a request is taken over", () => {
  expect(settingsOf({ prompt: "a", later: 1 } as never)).toEqual(DEFAULTS);
});

describe("what a model cannot do", () => {
  const poor = { ...MODEL, loop: false, prompt_travel: false, negative_prompt: false, steps: [4], loras: [], styles: [] };
  const chosen = { motion: "zoom-in" as const, loras: [{ name: "zoom", weight: 1 }], style: "night", denoise_strength: 0.2 };
  const settings = { ...DEFAULTS, ...chosen, loop: true, num_inference_steps: 11, negative_prompt: "rain" };

  test("is disabled with a reason", () => {
    expect(Object.fromEntries(Object.entries(inapplicable(settings, poor)).map(([name, { key }]) => [name, key]))).toEqual({
      denoise_strength: "denoise",
      image: "image",
      image_from: "image",
      loop: "loop",
      loras: "loras",
      motion: "motion",
      negative_prompt: "negative_prompt",
      num_inference_steps: "steps",
      prompt_travel: "prompt_travel",
      style: "style",
    });
    const moving = { ...MODEL, loras: ["motion-zoom-in"] };
    expect(inapplicable({ ...settings, upscaler: "fast" }, moving)).toEqual({ image: { key: "image" }, image_from: { key: "image" }, prompt_travel: { key: "travelLoop" } });
  });

  test.each(["heun", "dpm++"] as const)("a loop with the sampler %s is disabled, if the model has the sampler", (scheduler) => {
    const looping = { ...settings, scheduler };
    expect(inapplicable(looping, { ...MODEL, schedulers: ["ddim", scheduler] }).loop).toEqual({ key: "loopSampler" });
    expect(inapplicable(looping, MODEL).loop).toBeUndefined();
    expect(inapplicable({ ...settings, scheduler: "ddim" }, MODEL).loop).toBeUndefined();
  });

  test("a negative prompt applies to a first frame that is drawn from the prompt", () => {
    const svd = { ...MODEL, image: "required" as const, draws_first_frame: true, negative_prompt: false };
    expect(inapplicable(settings, svd).negative_prompt).toBeUndefined();
    expect(inapplicable({ ...settings, image: "AAAA" }, svd).negative_prompt).toEqual({ key: "negative_prompt" });
    expect(inapplicable({ ...settings, image_from: { video_id: "video", at: 0 } }, svd).negative_prompt).toEqual({ key: "negative_prompt" });
  });

  test("choices that another model has are not sent", () => {
    const other = { ...MODEL, steps: [4, 8], loras: ["own", "motion-pan-left"] };
    expect(changed(applicable({ ...settings, loop: false }, other))).toEqual({ negative_prompt: "rain", style: "night" });
    const fitting = { ...settings, loop: false, style: null, negative_prompt: "", num_inference_steps: 8, motion: "pan-left" as const };
    expect(changed(applicable(fitting, other))).toEqual({ num_inference_steps: 8, motion: "pan-left" });
  });

  test("is not sent, and keeps its value in the form", () => {
    expect(changed(applicable(settings, poor))).toEqual({});
    expect(settings.loop).toBe(true);
  });
});

const at = (...rows: [string, string][]) => ({ prompt_travel: rows.map(([moment, prompt]) => ({ at: moment, prompt })) });

const PROBLEMS: [string, Partial<typeof DEFAULTS>, string | null][] = [
  ["a valid request", {}, null],
  ["an odd side", { width: 513 }, "even"],
  ["a side that is too long", { width: 4096 }, "range"],
  ["no number", { fps: Number.NaN }, "range"],
  ["a ratio above 4", { width: 1024, height: 128 }, "ratio"],
  ["too many pixels", { width: 2048, height: 2048, duration_seconds: 20 }, "pixels"],
  ["a fast GIF", { format: "gif", fps: 60 }, "gif"],
  ["the largest seed", { seed: 2 ** 32 - 1 }, null],
  ["a seed above", { seed: 2 ** 32 }, "range"],
  ["the weight of a LoRA", { loras: [{ name: "zoom", weight: 2 }] }, null],
  ["a weight above", { loras: [{ name: "zoom", weight: 2.1 }] }, "range"],
  ["the last prompt change", at(["47", "b"]), null],
  ["a prompt change at the end", at(["2s", "b"]), "travelEnd"],
  ["a frame at the end", at(["48", "b"]), "travelEnd"],
  ["a prompt change before the video", at(["-1s", "b"]), "travelEnd"],
  ["two prompt changes in a second", at(["1s", "b"], ["0.5s", "c"], ["1.0s", "d"]), "travelTwice"],
  ["a frame and a time that are the same", at(["1s", "b"], ["24", "c"]), "travelTwice"],
  ["a prompt change without a prompt", at(["1s", " "]), "travelEmpty"],
];

test.each(PROBLEMS)("%s", (_, change, key) => {
  expect(problemOf("a circle", { ...DEFAULTS, ...change }, MODEL)?.key ?? null).toBe(key);
});

test("a prompt is needed, and has a limit", () => {
  expect(problemOf("  ", DEFAULTS, MODEL)?.key).toBe("prompt");
  expect(problemOf("a".repeat(2001), DEFAULTS, MODEL)?.key).toBe("tooLong");
});

test("the longest video of a model", () => {
  expect(problemOf("a", { ...DEFAULTS, duration_seconds: 5 }, { ...MODEL, max_seconds: 4 })?.key).toBe("seconds");
});

test("a first frame is needed where the model cannot draw it", () => {
  const svd = { ...MODEL, image: "required" as const };
  expect(problemOf("a", DEFAULTS, svd)).toEqual({ field: "image", key: "imageNeeded" });
  expect(problemOf("a", { ...DEFAULTS, image: "AAAA" }, svd)).toBeNull();
  expect(problemOf("a", { ...DEFAULTS, image_from: { video_id: "video", at: 0 } }, svd)).toBeNull();
  // Whether the server has the files for drawing it is not known here.
  expect(problemOf("a", DEFAULTS, { ...svd, draws_first_frame: true })).toBeNull();
});

test("a distilled model has the qualities of its numbers of steps", () => {
  expect(qualitiesOf(MODEL)).toEqual(["draft", "standard", "high"]);
  expect(qualitiesOf({ ...MODEL, num_inference_steps: 4, steps: [4] })).toEqual(["standard"]);
  expect(qualitiesOf({ ...MODEL, num_inference_steps: 4, steps: [4, 8] })).toEqual(["standard", "high"]);
});

test("quality is the number of steps in words, and ratio the size", () => {
  expect([stepsFor("draft", MODEL), stepsFor("standard", MODEL), stepsFor("high", MODEL)]).toEqual([5, null, 20]);
  expect(qualityOf({ ...DEFAULTS, num_inference_steps: 5 }, MODEL)).toBe("draft");
  expect(qualityOf({ ...DEFAULTS, num_inference_steps: 7 }, MODEL)).toBe("custom");
  expect(ratioOf({ ...DEFAULTS, width: 640, height: 360 })).toBe("wide");
  expect(ratioOf({ ...DEFAULTS, width: 640 })).toBe("custom");
});
