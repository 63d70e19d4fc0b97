import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { IntlProvider } from "use-intl";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import en from "@/lib/i18n/messages/en";
import { usePreferences } from "@/lib/preferences";
import { Player } from "./player";

const media = (reduced: boolean) => () => ({ matches: reduced, addEventListener: vi.fn(), removeEventListener: vi.fn() });
const play = vi.fn(() => Promise.resolve());
const pause = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("matchMedia", media(false));
  vi.spyOn(HTMLMediaElement.prototype, "play").mockImplementation(play);
  vi.spyOn(HTMLMediaElement.prototype, "pause").mockImplementation(pause);
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  usePreferences.setState({ motion: true });
  play.mockClear();
  pause.mockClear();
});

type ShownProps = { src: string; onExpired?: () => void; isGif?: boolean; poster?: string };

function Shown({ src, onExpired = () => undefined, isGif = false, poster }: ShownProps) {
  return (
    <IntlProvider locale="en" messages={en}>
      <Player src={src} name="clip" size={{ width: 16, height: 9 }} isGif={isGif} poster={poster} onExpired={onExpired} />
    </IntlProvider>
  );
}

const video = () => screen.getByLabelText<HTMLVideoElement>("clip");

test("a link that has ended is replaced, and playing goes on at the same place", () => {
  const onExpired = vi.fn();
  const { rerender } = render(<Shown src="/first" onExpired={onExpired} />);
  video().currentTime = 3;
  fireEvent.timeUpdate(video());
  fireEvent.error(video());
  expect(onExpired).toHaveBeenCalledTimes(1);
  rerender(<Shown src="/second" onExpired={onExpired} />);
  expect(video().getAttribute("src")).toBe("/second");
  video().currentTime = 0;
  fireEvent.loadedMetadata(video());
  expect(video().currentTime).toBe(3);
  act(() => void vi.advanceTimersByTime(60_000));
  expect(screen.queryByText(en.videos.unplayable)).toBeNull();
});

test("without a new link the player says that the video cannot be played", () => {
  render(<Shown src="/first" onExpired={() => undefined} />);
  fireEvent.error(video());
  act(() => void vi.advanceTimersByTime(9_000));
  expect(screen.queryByText(en.videos.unplayable)).toBeNull();
  act(() => void vi.advanceTimersByTime(1_000));
  expect(screen.getByRole("img", { name: "clip" }).textContent).toBe(en.videos.unplayable);
});

test("a link that works while another one arrives keeps playing", () => {
  const { rerender } = render(<Shown src="/first" onExpired={() => undefined} />);
  rerender(<Shown src="/second" onExpired={() => undefined} />);
  expect(video().getAttribute("src")).toBe("/first");
});

test("a video plays by itself", () => {
  render(<Shown src="/first" />);
  expect(video().autoplay).toBe(true);
});

test("with reduced motion a video waits for its controls", () => {
  vi.stubGlobal("matchMedia", media(true));
  render(<Shown src="/first" />);
  expect(video().autoplay).toBe(false);
});

test("a video stops when motion is switched off, and its controls still play it", () => {
  render(<Shown src="/first" />);
  expect(pause).not.toHaveBeenCalled();
  act(() => usePreferences.setState({ motion: false }));
  expect([video().autoplay, pause.mock.calls.length]).toEqual([false, 1]);
});

test.each([
  ["plays", "goes on", 1],
  ["has stopped", "stays", 0],
])("with reduced motion a video that %s %s when its link is replaced", (state, _, count) => {
  vi.stubGlobal("matchMedia", media(true));
  const { rerender } = render(<Shown src="/first" />);
  fireEvent.play(video());
  if (state === "has stopped") fireEvent.pause(video());
  video().currentTime = 3;
  fireEvent.timeUpdate(video());
  fireEvent.error(video());
  rerender(<Shown src="/second" />);
  fireEvent.loadedMetadata(video());
  expect(play).toHaveBeenCalledTimes(count);
});

const picture = () => screen.getByAltText("clip").getAttribute("src");

test("a GIF plays by itself, and can be stopped", () => {
  render(<Shown src="/clip.gif" poster="/poster.webp" isGif />);
  expect(picture()).toBe("/clip.gif");
  fireEvent.click(screen.getByRole("button", { name: "Pause" }));
  expect(picture()).toBe("/poster.webp");
});

test("with reduced motion a GIF is its poster until it is played", () => {
  vi.stubGlobal("matchMedia", media(true));
  render(<Shown src="/clip.gif" poster="/poster.webp" isGif />);
  expect(picture()).toBe("/poster.webp");
  fireEvent.click(screen.getByRole("button", { name: "Play" }));
  expect(picture()).toBe("/clip.gif");
});

test("a GIF without a poster is shown as it is", () => {
  render(<Shown src="/clip.gif" isGif />);
  expect(screen.queryByRole("button")).toBeNull();
});
