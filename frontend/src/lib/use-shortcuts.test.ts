// @vitest-environment jsdom
import { expect, test } from "vitest";
import { mayFire, shortcutOf } from "./use-shortcuts";

function key(init: KeyboardEventInit, target?: Element): KeyboardEvent {
  const event = new KeyboardEvent("keydown", init);
  Object.defineProperty(event, "target", { value: target ?? document.body });
  return event;
}

test("names of shortcuts", () => {
  expect(shortcutOf(key({ key: "Enter", metaKey: true }))).toBe("ctrl+enter");
  expect(shortcutOf(key({ key: "X", shiftKey: true }))).toBe("shift+x");
  expect(shortcutOf(key({ key: "?", shiftKey: true }))).toBe("?");
  expect(shortcutOf(key({ key: "ArrowUp", altKey: true }))).toBe("alt+arrowup");
});

test("single keys never fire where people type, and can be switched off", () => {
  const field = document.createElement("textarea");
  expect(mayFire(key({ key: "/" }), true)).toBe(true);
  expect(mayFire(key({ key: "/" }, field), true)).toBe(false);
  expect(mayFire(key({ key: "/" }), false)).toBe(false);
  expect(mayFire(key({ key: "Enter", ctrlKey: true }, field), false)).toBe(true);
});

test("single keys do nothing in a menu, where they find entries", () => {
  const menu = document.createElement("div");
  menu.role = "menu";
  const entry = menu.appendChild(document.createElement("div"));
  expect(mayFire(key({ key: "s" }, entry), true)).toBe(false);
});
