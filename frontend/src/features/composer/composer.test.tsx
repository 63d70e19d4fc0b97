import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import openapi from "../../../openapi.json";
import { jobStore } from "@/features/jobs/store";
import { session } from "@/lib/api/session";
import { ABLE, composerGateway, control, press, set, showComposer as show } from "@/test-composer";
import { stubGateway, type Asked } from "@/test-providers";
import { useDraft } from "./draft";

const OTHER = { ...ABLE, name: "other", title: "Other shapes", default: false };

let requests: Asked[];

function previewOf({ prompt, enhance_prompt }: { prompt: string; enhance_prompt: boolean }) {
  const added = enhance_prompt ? [{ text: " on a blue background", added: true }] : [];
  const prompt_parts = [{ text: prompt, added: false }, ...added];
  return { prompt: prompt_parts.map(({ text }) => text).join(""), negative_prompt: "", prompt_parts, negative_prompt_parts: [] };
}

const bodies = () => requests.filter(({ path }) => path === "/api/generate").map(({ body }) => body as Record<string, unknown>);
const previews = () => requests.filter(({ path }) => path === "/api/styles/preview").map(({ body }) => body as Record<string, unknown>);

beforeEach(() => {
  const answer = composerGateway([ABLE, OTHER]);
  requests = stubGateway((asked) => (asked.path === "/api/styles/preview" ? previewOf(asked.body as { prompt: string; enhance_prompt: boolean }) : answer(asked)));
  act(() => void session.signIn("token", 3600));
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  jobStore.reset();
  session.signOut();
});

test("every field of the request's schema can be set in the form, and is sent", async () => {
  vi.stubGlobal("createImageBitmap", async () => ({ width: 8, height: 8 }));
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
  vi.spyOn(HTMLCanvasElement.prototype, "toDataURL").mockReturnValue("data:image/jpeg;base64,AAAA");
  await show("advanced");
  set("Prompt", "a red star");
  set("Model", "other");
  set("Model revision", "abc");
  set("Style", "night");
  press("Prompt help");
  set("Negative prompt", "rain");
  set("Seed", "7");
  set("Steps", "11");
  set("Guidance", "4.5");
  set("Sampler", "euler");
  set("Width", "640");
  set("Height", "360");
  set("Duration", "3");
  set("Frames per second", "30");
  press("WEBM");
  press("Fast");
  press("Write the prompt into the file");
  set("Remove grain", "0.25");
  set("Camera motion", "zoom-in");
  press("zoom");
  press("Add a change");
  set("Prompt from then on", "a blue star");
  fireEvent.change(control("First frame"), { target: { files: [new File(["x"], "x.png", { type: "image/png" })] } });
  await screen.findByAltText("First frame");
  press("Generate");
  // A loop has one prompt: both together are refused, so the form leaves the other ones out.
  press("Loop");
  press("Generate");
  // A frame of a video is chosen on the page of the video.
  act(() => useDraft.getState().change({ image: null, image_from: { video_id: "video", at: 1.5 } }));
  screen.getByText("From your video, at 1.5 s");
  press("Generate");
  await waitFor(() => expect(bodies()).toHaveLength(3));

  const [first, second, third] = bodies();
  expect(first).toEqual({
    prompt: "a red star",
    model: "other",
    revision: "abc",
    style: "night",
    enhance_prompt: true,
    negative_prompt: "rain",
    seed: 7,
    num_inference_steps: 11,
    guidance_scale: 4.5,
    scheduler: "euler",
    width: 640,
    height: 360,
    duration_seconds: 3,
    fps: 30,
    format: "webm",
    upscaler: "fast",
    embed_prompt: true,
    denoise_strength: 0.25,
    motion: "zoom-in",
    loras: [{ name: "zoom", weight: 1 }],
    prompt_travel: { "1s": "a blue star" },
    image: "AAAA",
  });
  expect(second).toMatchObject({ loop: true });
  expect(second).not.toHaveProperty("prompt_travel");
  expect(third).toMatchObject({ image_from: { video_id: "video", at: 1.5 } });
  expect(third).not.toHaveProperty("image");
  const sent = new Set(bodies().flatMap((body) => Object.keys(body)));
  expect([...sent].sort()).toEqual(Object.keys(openapi.components.schemas.Spec.properties).sort());
}, 30_000);

test("variations are queued at once, each with a seed of its own", async () => {
  await show("simple");
  set("Prompt", "a red star");
  press("Variations +");
  press("Variations +");
  press("Generate 3");
  await waitFor(() => expect(bodies()).toHaveLength(3));
  expect(new Set(bodies().map(({ seed }) => seed)).size).toBe(3);
});

test("an example is a prompt, and the words of the model are added to it", async () => {
  await show("simple");
  press("a yellow star moving up on a black background");
  expect(useDraft.getState().prompt).toBe("a yellow star moving up on a black background");
  press("Add moving right");
  expect(useDraft.getState().prompt).toBe("a yellow star moving up on a black background moving right");
});

test("what the prompt help would add is shown and marked before anything is submitted", async () => {
  await show("simple");
  expect(previews()).toEqual([]);
  press("Show the final prompt");
  screen.getByText("Write a prompt first.");
  set("Prompt", "a red star");
  const title = await screen.findByText("With prompt help, the model would get");
  const shown = title.parentElement as HTMLElement;
  expect(shown.querySelector("dd")?.textContent).toBe("a red star on a blue background");
  expect(within(shown).getByText("on a blue background").tagName).toBe("INS");
  expect(previews().at(-1)).toEqual({ prompt: "a red star", negative_prompt: "", model: null, style: null, enhance_prompt: true });
  press("Use prompt help");
  await screen.findByText("The model gets");
  expect(useDraft.getState().settings.enhance_prompt).toBe(true);
  expect(bodies()).toEqual([]);
});

test("typing asks for one preview, of what was written in the end", async () => {
  await show("simple");
  set("Prompt", "a");
  press("Show the final prompt");
  for (const text of ["a r", "a re", "a red", "a red star"]) set("Prompt", text);
  await waitFor(() => expect(previews().at(-1)).toMatchObject({ prompt: "a red star" }));
  expect(previews().length).toBeLessThanOrEqual(2);
});

test("a style is shown as it is sent, and the help can be added", async () => {
  await show("advanced");
  set("Prompt", "a red star");
  set("Style", "night");
  press("Show the final prompt");
  await screen.findByText("The model gets");
  expect(previews().at(-1)).toMatchObject({ style: "night", enhance_prompt: false });
  screen.getByText("Nothing is added: the prompt says all of it.");
  screen.getByText("Use prompt help");
});
