import { expect, test } from "vitest";
import { DEFAULTS } from "./settings";
import { estimateRequestOf } from "./use-estimate";

test("an estimate is asked for with the settings that the time depends on, and no others", () => {
  const settings = { ...DEFAULTS, model: "tiny", num_inference_steps: 10, loop: true, seed: 3, image: "aGVsbG8=" };
  expect(estimateRequestOf(settings)).toEqual({ prompt: "any", model: "tiny", num_inference_steps: 10, loop: true });
});
