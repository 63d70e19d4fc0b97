// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { useDraft } from "./draft";
import { DEFAULTS } from "./settings";

const KEY = "aura.draft";
const stored = () => localStorage.getItem(KEY) ?? "";

beforeEach(() => {
  localStorage.clear();
  useDraft.setState(useDraft.getInitialState());
});

/** What a reload does, and what the write of another tab does. */
async function readAgain(text: string): Promise<void> {
  useDraft.setState(useDraft.getInitialState());
  localStorage.setItem(KEY, text);
  await useDraft.persist.rehydrate();
}

test("the whole draft is kept, with the first frame", async () => {
  const changes = [
    { at: "1s", prompt: "a" },
    { at: "1s", prompt: "" },
  ];
  useDraft.getState().setPrompt("a red star");
  useDraft.getState().change({ image: "A".repeat(56_000), fps: 30, prompt_travel: changes });
  await readAgain(stored());
  expect(useDraft.getState()).toMatchObject({ prompt: "a red star", settings: { ...DEFAULTS, image: "A".repeat(56_000), fps: 30, prompt_travel: changes } });
});

test("a draft of the version before is read, with its prompt changes", async () => {
  await readAgain(JSON.stringify({ state: { prompt: "a", settings: { fps: 30, prompt_travel: { "1s": "b" } }, history: ["a"] }, version: 1 }));
  expect(useDraft.getState()).toMatchObject({ prompt: "a", history: ["a"], mode: "simple", settings: { ...DEFAULTS, fps: 30, prompt_travel: [{ at: "1s", prompt: "b" }] } });
});
