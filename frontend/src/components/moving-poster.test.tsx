import { act, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { usePreferences } from "@/lib/preferences";
import { MovingPoster } from "./moving-poster";

const DELAY_MS = 120;
const media = (reduced: boolean) => () => ({ matches: reduced, addEventListener: vi.fn(), removeEventListener: vi.fn() });

beforeEach(() => {
  usePreferences.setState({ motion: true, previews: true });
  vi.useFakeTimers();
  vi.stubGlobal("matchMedia", media(false));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  Reflect.deleteProperty(navigator, "connection");
});

function show(): void {
  render(
    <>
      {["one", "two"].map((name) => (
        <a key={name} href={`#${name}`} aria-label={name}>
          <MovingPoster poster={`/${name}.webp`} preview={`/${name}-moving.webp`} alt={name} />
          <span>title of {name}</span>
        </a>
      ))}
      <button type="button" aria-label="play">
        <MovingPoster poster="/button.webp" preview="/button-moving.webp" alt="button" />
      </button>
    </>,
  );
}

const link = (name: string) => screen.getByRole("link", { name });
const picture = (name: string) => screen.getByAltText<HTMLImageElement>(name).getAttribute("src");
const wait = (milliseconds: number) => act(() => void vi.advanceTimersByTime(milliseconds));

/** jsdom has no pointer events. */
function pointer(target: Element, type: string, pointerType = "mouse"): void {
  const bubbles = !/enter|leave/.test(type);
  fireEvent(target, Object.assign(new MouseEvent(type, { bubbles, cancelable: true }), { pointerType }));
}

/** The events of a tap, in the order of the browsers. Returns whether the link or button acts. */
function tap(target: Element): boolean {
  const control = target.closest("a, button") ?? target;
  pointer(control, "pointerenter", "touch");
  pointer(target, "pointerdown", "touch");
  pointer(target, "pointerup", "touch");
  pointer(control, "pointerleave", "touch");
  return fireEvent.click(target);
}

test("the preview plays while the tile is pointed at, after a delay", () => {
  show();
  pointer(link("one"), "pointerenter");
  wait(DELAY_MS - 1);
  expect(picture("one")).toBe("/one.webp");
  wait(1);
  expect(picture("one")).toBe("/one-moving.webp");
  pointer(link("one"), "pointerleave");
  expect(picture("one")).toBe("/one.webp");
});

test("a tile that is only passed does not load its preview", () => {
  show();
  pointer(link("one"), "pointerenter");
  wait(DELAY_MS - 1);
  pointer(link("one"), "pointerleave");
  wait(DELAY_MS);
  expect(picture("one")).toBe("/one.webp");
});

test("one preview plays at a time", () => {
  show();
  fireEvent.focusIn(link("one"));
  wait(DELAY_MS);
  expect(picture("one")).toBe("/one-moving.webp");
  pointer(link("two"), "pointerenter");
  wait(DELAY_MS);
  expect([picture("one"), picture("two")]).toEqual(["/one.webp", "/two-moving.webp"]);
});

test("the first tap on the picture plays the preview, the second one follows the link", () => {
  show();
  expect(tap(screen.getByAltText("one"))).toBe(false);
  expect(picture("one")).toBe("/one-moving.webp");
  wait(DELAY_MS);
  expect(tap(screen.getByAltText("two"))).toBe(false);
  expect([picture("one"), picture("two")]).toEqual(["/one.webp", "/two-moving.webp"]);
  wait(DELAY_MS);
  expect(tap(screen.getByAltText("two"))).toBe(true);
  expect(picture("two")).toBe("/two.webp");
});

test("a tap on the title, a click and the keyboard follow the link at once", () => {
  show();
  expect(tap(screen.getByText("title of one"))).toBe(true);
  tap(screen.getByAltText("two"));
  expect(fireEvent.click(screen.getByAltText("one"))).toBe(true);
  pointer(screen.getByAltText("one"), "pointerdown", "touch");
  pointer(screen.getByAltText("one"), "pointerdown", "mouse");
  expect(fireEvent.click(screen.getByAltText("one"))).toBe(true);
});

test("a tap on a button does what the button does", () => {
  show();
  expect(tap(screen.getByAltText("button"))).toBe(true);
  expect(picture("button")).toBe("/button.webp");
});

test.each([
  ["reduced motion", () => vi.stubGlobal("matchMedia", media(true))],
  ["Save-Data", () => Object.defineProperty(navigator, "connection", { value: { saveData: true }, configurable: true })],
  ["motion switched off", () => usePreferences.setState({ motion: false })],
  ["previews switched off", () => usePreferences.setState({ previews: false })],
])("with %s no preview plays, and a tap follows the link", (_, prepare) => {
  prepare();
  show();
  pointer(link("one"), "pointerenter");
  fireEvent.focusIn(link("one"));
  wait(DELAY_MS);
  expect(picture("one")).toBe("/one.webp");
  expect(tap(screen.getByAltText("one"))).toBe(true);
  expect(picture("one")).toBe("/one.webp");
});
