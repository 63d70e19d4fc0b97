import { act, fireEvent, render, screen } from "@testing-library/react";
import { IntlProvider } from "use-intl";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import en from "@/lib/i18n/messages/en";
import { Player } from "./player";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function Shown({ src, onExpired }: { src: string; onExpired: () => void }) {
  return (
    <IntlProvider locale="en" messages={en}>
      <Player src={src} name="clip" size={{ width: 16, height: 9 }} isGif={false} onExpired={onExpired} />
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
