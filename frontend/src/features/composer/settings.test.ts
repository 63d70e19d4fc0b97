import { describe, expect, test } from "vitest";
import openapi from "../../../openapi.json";
import type { Model } from "@/features/models/api";
import { MODEL as SAMPLE } from "@/test-samples";
import { DEFAULTS, applicable, changed, inapplicable, problemOf, qualityOf, ratioOf, requestOf, settingsOf, stepsFor } from "./settings";

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
  const settings = { ...DEFAULTS, fps: 30, style: "night", prompt_travel: { "1s": "a star" } };
  const request = requestOf("  a star ", settings, 7);
  expect(request).toEqual({ prompt: "a star", fps: 30, style: "night", prompt_travel: { "1s": "a star" }, seed: 7 });
  expect(settingsOf(request)).toEqual({ ...settings, seed: 7 });
  expect(changed(DEFAULTS)).toEqual({});
});

test("fields of a newer server are left out when a request is taken over", () => {
  expect(settingsOf({ prompt: "a", later: 1 } as never)).toEqual(DEFAULTS);
});

describe("what a model cannot do", () => {
  const poor = { ...MODEL, loop: false, prompt_travel: false, loras: [], styles: [] };
  const settings = { ...DEFAULTS, loop: true, motion: "zoom-in" as const, loras: [{ name: "zoom", weight: 1 }], style: "night", denoise_strength: 0.2 };

  test("is disabled with a reason", () => {
    expect(Object.keys(inapplicable(settings, poor)).sort()).toEqual(["denoise_strength", "image", "image_from", "loop", "loras", "motion", "prompt_travel"]);
    expect(inapplicable({ ...settings, upscaler: "fast" }, MODEL)).toEqual({ image: { key: "image" }, image_from: { key: "image" }, prompt_travel: { key: "travelLoop" } });
  });

  test("is not sent, and keeps its value in the form", () => {
    expect(changed(applicable(settings, poor))).toEqual({});
    expect(settings.loop).toBe(true);
  });
});

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

test("quality is the number of steps in words, and ratio the size", () => {
  expect([stepsFor("draft", MODEL), stepsFor("standard", MODEL), stepsFor("high", MODEL)]).toEqual([5, null, 20]);
  expect(qualityOf({ ...DEFAULTS, num_inference_steps: 5 }, MODEL)).toBe("draft");
  expect(qualityOf({ ...DEFAULTS, num_inference_steps: 7 }, MODEL)).toBe("custom");
  expect(ratioOf({ ...DEFAULTS, width: 640, height: 360 })).toBe("wide");
  expect(ratioOf({ ...DEFAULTS, width: 640 })).toBe("custom");
});
