import { act, fireEvent, render } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { TestProviders, testQueries } from "@/test-providers";
import { useShortcuts } from "@/lib/use-shortcuts";
import { useDraft } from "./draft";
import { goToPrompt } from "./focus-prompt";
import { PromptField } from "./prompt-field";

const open = vi.fn<(address: string) => void>();
const prompt = () => document.getElementById("prompt") as HTMLTextAreaElement;
const up = () => fireEvent.keyDown(prompt(), { key: "ArrowUp", altKey: true });
const down = () => fireEvent.keyDown(prompt(), { key: "ArrowDown", altKey: true });
const write = (value: string) => fireEvent.change(prompt(), { target: { value } });

/** What the shell does on every page. */
function Shell() {
  useShortcuts({ "/": () => goToPrompt(open) });
  return <input aria-label="elsewhere" />;
}

function show(withPrompt = true): void {
  render(
    <TestProviders queries={testQueries()}>
      <Shell />
      {withPrompt ? <PromptField /> : null}
    </TestProviders>,
  );
}

beforeEach(() => {
  useDraft.setState({ ...useDraft.getInitialState(), history: ["newest", "older"] });
  history.replaceState(null, "", "/");
  open.mockReset();
});

test("Alt and Up goes through earlier prompts, and Alt and Down back to what was not sent", () => {
  show();
  write("unsent");
  const seen = [up, up, up, down, down, down, up].map((step) => {
    step();
    return prompt().value;
  });
  expect(seen).toEqual(["newest", "older", "older", "newest", "unsent", "unsent", "newest"]);
  write("newest and more");
  up();
  down();
  expect(prompt().value).toBe("newest and more");
});

test("Alt and Down erases nothing where nothing was replaced", () => {
  useDraft.setState({ prompt: "newest" });
  show();
  down();
  expect(prompt().value).toBe("newest");
});

test("the number of characters is always shown", () => {
  show();
  write("a star");
  const counter = [...document.querySelectorAll("#prompt-note [aria-hidden]")].at(-1);
  expect(counter?.textContent).toBe("6 / 2,000");
  expect(counter?.closest(".sr-only")).toBeNull();
});

test("the slash moves the focus to the prompt of the page", () => {
  show();
  fireEvent.keyDown(document.body, { key: "/" });
  expect(document.activeElement).toBe(prompt());
  expect(open).not.toHaveBeenCalled();
});

test("on a page without a prompt the slash leads to it", () => {
  show(false);
  fireEvent.keyDown(document.body, { key: "/" });
  expect(open.mock.calls).toEqual([["/create#prompt"]]);
});

test("the slash does nothing in a field, nor in a dialog", () => {
  show(false);
  fireEvent.keyDown(document.querySelector("input") as HTMLInputElement, { key: "/" });
  document.body.insertAdjacentHTML("beforeend", '<dialog open aria-labelledby="title"></dialog>');
  fireEvent.keyDown(document.body, { key: "/" });
  document.querySelector("dialog")?.remove();
  expect(open).not.toHaveBeenCalled();
});

test("a page that is opened at the prompt has the focus there, once", () => {
  history.replaceState(null, "", "/create?a=b#prompt");
  act(() => show());
  expect(document.activeElement).toBe(prompt());
  expect(location.pathname + location.search + location.hash).toBe("/create?a=b");
});
