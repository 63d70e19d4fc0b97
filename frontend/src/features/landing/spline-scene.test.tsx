import { StrictMode } from "react";
import { act, fireEvent, render } from "@testing-library/react";
import { IntlProvider } from "use-intl";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import en from "@/lib/i18n/messages/en";
import { SplineScene } from "./spline-scene";

vi.hoisted(() => vi.stubEnv("NEXT_PUBLIC_SPLINE_SCENE", "https://my.spline.design/scene"));

const TIMEOUT_MS = 8_000;
const media = (reduced: boolean) => () => ({ matches: reduced, addEventListener: vi.fn(), removeEventListener: vi.fn() });
let answer: { resolve: () => void; reject: () => void };
const ask = vi.fn(
  (_: string, { signal }: RequestInit) =>
    new Promise<Response>((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
      answer = { resolve: () => resolve(new Response()), reject: () => reject(new TypeError()) };
    }),
);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("matchMedia", media(false));
  vi.stubGlobal("fetch", ask);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  ask.mockClear();
});

function show() {
  return render(
    <IntlProvider locale="en" messages={en}>
      <StrictMode>
        <SplineScene />
      </StrictMode>
    </IntlProvider>,
  ).container;
}

const settle = (what: "resolve" | "reject") => act(async () => Promise.resolve(answer[what]()));
const late = () => act(() => void vi.advanceTimersByTime(TIMEOUT_MS));

test("the scene is shown when its address answers and its frame is loaded", async () => {
  const page = show();
  expect(page.querySelector("iframe")).toBeNull();
  await settle("resolve");
  const frame = page.querySelector("iframe");
  expect(frame?.className).toContain("invisible");
  if (frame) fireEvent.load(frame);
  expect(frame?.className).not.toContain("invisible");
  late();
  expect(page.querySelector("iframe")).toBe(frame);
});

test("an address that does not answer has no frame", async () => {
  const page = show();
  await settle("reject");
  expect(page.innerHTML).toBe("");
});

test("a scene that takes too long is left out", async () => {
  const page = show();
  await settle("resolve");
  late();
  expect(page.innerHTML).toBe("");
});

test("an answer that is too late does not bring the scene back", async () => {
  const page = show();
  late();
  await settle("resolve");
  expect(page.innerHTML).toBe("");
});

test("with reduced motion nothing is requested", () => {
  vi.stubGlobal("matchMedia", media(true));
  expect(show().innerHTML).toBe("");
  expect(ask).not.toHaveBeenCalled();
});
