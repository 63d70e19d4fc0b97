import { render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { TestProviders, stubGateway, testQueries } from "@/test-providers";
import { video } from "@/test-samples";
import { Recipe } from "./recipe";

afterEach(() => vi.unstubAllGlobals());

/** A request of which only the prompt was set, as the gateway gives it. */
const SPEC = {
  prompt: "a red circle",
  negative_prompt: "",
  fps: 24,
  style: null,
  enhance_prompt: false,
  loras: [],
  motion: null,
  loop: false,
  prompt_travel: {},
  image: null,
  image_from: null,
  upscaler: "quality",
  denoise_strength: null,
  embed_prompt: false,
  revision: "a1b2",
};
const file = { kind: "video", url: "/v", content_type: "video/mp4", width: 640, height: 360, fps: 24, frames: 60, duration_seconds: 2.5 } as never;
const VIDEO = video("one", { video: file, resolved: { seed: 7, model: "tiny", num_inference_steps: 10, guidance_scale: 2, scheduler: "own" } });

/** The rows from the first one of the request on. */
async function shown(spec: object): Promise<string[][]> {
  const requests = stubGateway(() => ({ ...SPEC, ...spec }));
  render(
    <TestProviders queries={testQueries()}>
      <Recipe video={VIDEO} />
    </TestProviders>,
  );
  await waitFor(() => screen.getByText("Model revision"), { interval: 5 });
  expect(requests.map(({ path }) => path)).toEqual(["/api/videos/one/recipe"]);
  return screen.getAllByRole("term").map((term) => [term.textContent, term.nextElementSibling?.textContent ?? ""]);
}

test("what is the default is left out", async () => {
  const rows = await shown({});
  expect(rows).toEqual([
    ["Size", "640 × 360"],
    ["Duration", "2.5 s"],
    ["Frames per second", "24"],
    ["Frames", "60"],
    ["Format", "MP4"],
    ["Seed", "7"],
    ["Model", "tiny"],
    ["Steps", "10"],
    ["Guidance", "2"],
    ["Sampler", "Published with the model"],
    ["Created", "Jan 2, 2026, 3:04 AM"],
    ["Model revision", "a1b2"],
  ]);
});

test("everything that was set is shown", async () => {
  const rows = await shown({
    negative_prompt: "blurry",
    style: "night",
    enhance_prompt: true,
    loras: [{ name: "zoom", weight: 0.5 }, { name: "ink", weight: 1 }],
    motion: "pan-left",
    loop: true,
    prompt_travel: { "36": "a moon", "0.5s": "a star" },
    image_from: { video_id: "two", at: 1.25 },
    upscaler: "fast",
    denoise_strength: 0,
    embed_prompt: true,
  });
  expect(rows.slice(12)).toEqual([
    ["Negative prompt", "blurry"],
    ["Style", "night"],
    ["Prompt help", "On"],
    ["LoRAs", "zoom × 0.5\nink × 1"],
    ["Camera motion", "Pan left"],
    ["Loop", "On"],
    ["Prompt changes", "0.5 s: a star\n1.5 s: a moon"],
    ["First frame", "From your video, at 1.25 s"],
    ["Upscaler", "Fast"],
    ["Remove grain", "0"],
    ["Write the prompt into the file", "On"],
  ]);
});

test("an image of one's own is named, not shown", async () => {
  expect((await shown({ image: "aGVsbG8=" })).at(-1)).toEqual(["First frame", "An image"]);
});
