import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Dialog } from "@/components/dialog";
import { Overlay } from "@/components/overlay";
import { TestProviders, stubGateway, testQueries, type Asked } from "@/test-providers";
import { video } from "@/test-samples";
import { VideoActions } from "./video-actions";

vi.mock("next/navigation", () => ({ useRouter: () => ({ push: vi.fn() }) }));

const VIDEO = video("one");
let requests: Asked[];

beforeEach(() => {
  requests = stubGateway(({ path }) => (path.endsWith("/recipe") ? { prompt: "a red circle", seed: 7 } : VIDEO));
});
afterEach(() => vi.unstubAllGlobals());

const actions = <VideoActions video={VIDEO} player={{ current: null }} onGone={vi.fn()} />;
const question = (
  <Dialog title="Question" onClose={vi.fn()}>
    <button type="button">Answer</button>
  </Dialog>
);

function show(content: ReactNode): void {
  render(<TestProviders queries={testQueries()}>{content}</TestProviders>);
}

/** A shortcut prevents what the browser would do with the key. */
const acts = (target: Element) => !fireEvent.keyDown(target, { key: "." });

test("a single key acts on a page", async () => {
  show(actions);
  expect(acts(document.body)).toBe(true);
  await waitFor(() => expect(requests).toHaveLength(1), { interval: 5 });
  expect(requests[0]).toMatchObject({ method: "PATCH", body: { favourite: true } });
});

test("a single key acts in the video above a page, wherever the focus is", () => {
  show(
    <Overlay label="Video" onClose={vi.fn()}>
      {actions}
    </Overlay>,
  );
  expect(acts(screen.getByText("Share"))).toBe(true);
  expect(acts(document.body)).toBe(true);
});

test("single keys do nothing on a page while a dialog is open above it", () => {
  show(
    <>
      {actions}
      {question}
    </>,
  );
  expect(acts(screen.getByText("Answer"))).toBe(false);
  expect(acts(document.body)).toBe(false);
});

test("a dialog that is opened inside the video above a page blocks its keys too", () => {
  show(
    <Overlay label="Video" onClose={vi.fn()}>
      {actions}
      {question}
    </Overlay>,
  );
  expect(acts(screen.getByText("Answer"))).toBe(false);
  expect(acts(document.body)).toBe(false);
});
