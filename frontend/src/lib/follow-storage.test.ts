// @vitest-environment jsdom
import { afterEach, expect, test } from "vitest";
import { followStorage } from "./follow-storage";
import { usePreferences } from "./preferences";

const KEY = "aura.preferences";
const write = (state: object) => localStorage.setItem(KEY, JSON.stringify({ state, version: 0 }));
const tell = (key: string) => dispatchEvent(new StorageEvent("storage", { key }));

afterEach(() => {
  localStorage.clear();
  usePreferences.setState({ motion: true, previews: true });
});

test("what another tab writes is not undone by the next change of this one", () => {
  write({ previews: true });
  const stop = followStorage(usePreferences);
  write({ previews: false });
  tell("something.else");
  expect(usePreferences.getState().previews).toBe(true);
  tell(KEY);
  usePreferences.getState().set({ motion: false });
  expect(JSON.parse(localStorage.getItem(KEY) ?? "")).toMatchObject({ state: { previews: false, motion: false } });
  stop();
  write({ previews: true });
  tell(KEY);
  expect(usePreferences.getState().previews).toBe(false);
});
