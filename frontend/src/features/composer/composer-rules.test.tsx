import { act, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Toaster } from "@/components/toaster";
import { jobStore } from "@/features/jobs/store";
import type { Model } from "@/features/models/api";
import { session } from "@/lib/api/session";
import { ABLE, composerGateway, control, noteOf, press, set, showComposer } from "@/test-composer";
import { TestProviders, stubGateway, testQueries, type Asked } from "@/test-providers";
import { useDraft } from "./draft";

let requests: Asked[];

const bodies = () => requests.filter(({ path }) => path === "/api/generate").map(({ body }) => body as Record<string, unknown>);
const isOff = (name: string) => (control(name) as HTMLInputElement).disabled;
const draft = () => useDraft.getState();

async function show(model: Partial<Model>, mode: "simple" | "advanced" = "advanced"): Promise<void> {
  requests = stubGateway(composerGateway([{ ...ABLE, ...model }]));
  await showComposer(mode);
}

beforeEach(() => {
  act(() => void session.signIn("token", 3600));
});

afterEach(() => {
  vi.unstubAllGlobals();
  jobStore.reset();
  session.signOut();
});

test("what a model has not is off, says why, and is not sent", async () => {
  await show({ steps: [10], negative_prompt: false, styles: [], loras: ["zoom"] });
  set("Prompt", "a red star");
  act(() => draft().change({ num_inference_steps: 11, negative_prompt: "rain", style: "night", motion: "zoom-in" }));
  const shown = ["Steps", "Negative prompt", "Style", "Camera motion"].map((name) => [isOff(name), noteOf(name)]);
  expect(shown).toEqual([
    [true, "Tiny shapes has a fixed number of steps."],
    [true, "Tiny shapes uses no negative prompt."],
    [true, "No style fits Tiny shapes."],
    [true, "Tiny shapes has no LoRA for camera motions."],
  ]);
  // The simple form offers no other number of steps either.
  expect([...document.querySelectorAll("label")].filter(({ textContent }) => /^(Draft|Standard|High)$/.test(textContent ?? ""))).toHaveLength(1);
  press("Generate");
  await waitFor(() => expect(bodies()).toEqual([{ prompt: "a red star" }]), { interval: 5 });
});

test("a distilled model with several numbers of steps offers these", async () => {
  await show({ steps: [4, 8], num_inference_steps: 4 });
  expect([...(control("Steps") as HTMLSelectElement).options].map(({ text }) => text)).toEqual(["Default (4)", "4", "8"]);
  set("Prompt", "a red star");
  set("Steps", "8");
  press("Generate");
  await waitFor(() => expect(bodies()).toEqual([{ prompt: "a red star", num_inference_steps: 8 }]), { interval: 5 });
});

test("a sampler that is refused for loops is off in a loop, and a loop is off with it", async () => {
  await show({ schedulers: ["ddim", "heun"] });
  const heun = () => [...(control("Sampler") as HTMLSelectElement).options].find(({ value }) => value === "heun");
  expect([heun()?.disabled, isOff("Loop")]).toEqual([false, false]);
  press("Loop");
  expect([heun()?.disabled, noteOf("Sampler")]).toEqual([true, "Heun and DPM++ cannot be used for loops."]);
  press("Loop");
  set("Sampler", "heun");
  expect([isOff("Loop"), noteOf("Loop")]).toEqual([true, "Heun cannot be used for loops."]);
});

test("a negative prompt without guidance is said to have no effect", async () => {
  await show({ guidance_scale: 1 });
  expect([isOff("Negative prompt"), noteOf("Negative prompt")]).toEqual([false, "No effect while the guidance is 1 or less."]);
  set("Guidance", "1.1");
  expect(noteOf("Negative prompt")).toBe("What the video should not show.");
});

test("a first frame that the model needs is asked for before anything is sent", async () => {
  await show({ image: "required", draws_first_frame: false });
  expect(noteOf("First frame")).toContain("Tiny shapes needs one.");
  set("Prompt", "a red star");
  press("Generate");
  expect(noteOf("First frame")).toBe("Tiny shapes needs a first frame. Choose an image under Advanced.");
  expect(bodies()).toEqual([]);
});

test("a first frame that the model may draw is not demanded", async () => {
  await show({ image: "required", draws_first_frame: true });
  expect(noteOf("First frame")).toContain("without an image, it is drawn from the prompt, if the server has the files for that");
  set("Prompt", "a red star");
  press("Generate");
  await waitFor(() => expect(bodies()).toHaveLength(1), { interval: 5 });
});

test("prompt changes keep their prompts while their seconds are the same, which is a problem", async () => {
  await show({});
  set("Prompt", "a red star");
  act(() => draft().set("prompt_travel", [{ at: "1s", prompt: "a blue star" }]));
  press("Add a change");
  const [first, second] = [...document.querySelectorAll("label")].filter((label) => label.textContent === "From second").map((label) => label.control as HTMLInputElement);
  fireEvent.change(second as HTMLInputElement, { target: { value: "1" } });
  press("Generate");
  expect(screen.getByRole("alert").textContent).toBe("Prompt changes: second 1 occurs twice.");
  expect([first?.getAttribute("aria-invalid"), second?.getAttribute("aria-invalid")]).toEqual([null, "true"]);
  fireEvent.change(second as HTMLInputElement, { target: { value: "1.5" } });
  expect(screen.getByRole("alert").textContent).toBe("Prompt changes: the prompt from second 1.5 on is empty.");
  act(() => draft().set("prompt_travel", [...draft().settings.prompt_travel.slice(0, 1), { at: "1.5s", prompt: "a star" }]));
  press("Generate");
  await waitFor(() => expect(bodies()).toHaveLength(1), { interval: 5 });
  expect(bodies()[0]?.["prompt_travel"]).toEqual({ "1s": "a blue star", "1.5s": "a star" });
});

test("the weight of a LoRA has the limits of the gateway", async () => {
  await show({});
  set("Prompt", "a red star");
  press("zoom");
  const weight = control("Weight of zoom") as HTMLInputElement;
  expect([weight.min, weight.max]).toEqual(["-2", "2"]);
  set("Weight of zoom", "3");
  press("Generate");
  expect(noteOf("Weight of zoom")).toBe("Must be between -2 and 2.");
});

test.each(["Prompt", "Duration", "Sampler", "Seed", "Loop"])("Ctrl or Cmd with Enter generates once from the field %s", async (name) => {
  await show({});
  set("Prompt", "a red star");
  fireEvent.keyDown(control(name), { key: "Enter" });
  fireEvent.keyDown(control(name), { key: "Enter", ctrlKey: true });
  fireEvent.keyDown(control(name), { key: "Enter", metaKey: true });
  await waitFor(() => expect(bodies()).toHaveLength(2), { interval: 5 });
});

const REFUSALS: [object, string][] = [
  [{ pointer: "/num_inference_steps", detail: "distilled for 4 steps" }, "Steps: distilled for 4 steps"],
  [{ pointer: "/enhance_prompt", detail: "no" }, "Prompt help: no"],
  [{ pointer: "/image_from", detail: "no such video" }, "First frame: no such video"],
  [{ pointer: "/loras/0/name", detail: "does not fit" }, "LoRAs: does not fit"],
  [{ pointer: "", detail: "too many pixels" }, "too many pixels"],
];

test.each(REFUSALS)("a refused request names the field: %o", async (field, text) => {
  const others = composerGateway([ABLE]);
  const refusal = { title: "Invalid", status: 422, code: "invalid_request", errors: [field, { pointer: "/fps", detail: "second" }] };
  requests = stubGateway((asked) => (asked.path === "/api/generate" ? Response.json(refusal, { status: 422 }) : others(asked)));
  await showComposer("simple");
  render(
    <TestProviders queries={testQueries()}>
      <Toaster />
    </TestProviders>,
  );
  set("Prompt", "a red star");
  press("Generate");
  await screen.findByText(text, undefined, { interval: 5 });
});
