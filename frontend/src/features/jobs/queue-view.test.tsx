import { act, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { usePreferences } from "@/lib/preferences";
import { TestProviders, stubGateway, testQueries, type Asked } from "@/test-providers";
import { job } from "@/test-samples";
import { QueueView } from "./queue-view";
import { jobStore } from "./store";

let requests: Asked[];
const use = vi.fn();

function show(recent?: number): void {
  render(
    <TestProviders queries={testQueries()}>
      <QueueView empty="Nothing" recent={recent} onUseSettings={use} />
    </TestProviders>,
  );
}

const noMedia = () => ({ matches: false, addEventListener: vi.fn(), removeEventListener: vi.fn() });

/** jsdom has neither; a menu needs one to find its place. */
class NoObserver {
  observe = vi.fn();
  unobserve = vi.fn();
  disconnect = vi.fn();
}

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", NoObserver);
  vi.stubGlobal("matchMedia", noMedia);
  requests = stubGateway(({ path, query }) => {
    if (path === "/api/jobs") return { data: [job("recent", { status: "canceled", spec: { prompt: `of ${query.get("limit")}` } })], has_more: false };
    return job(path.split("/")[3] ?? "", { status: path.endsWith("/retry") ? "queued" : "canceling", revision: 5 });
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  use.mockReset();
  jobStore.reset();
  usePreferences.setState({ notifications: false });
});

test("a job that waits is canceled, and its settings are taken over", async () => {
  const spec = { prompt: "a red circle", seed: 7 };
  act(() => jobStore.merge([job("waits", { queue_position: 3, spec })]));
  show();
  const card = screen.getByRole("article", { name: "a red circle" });
  expect(card.querySelector("p + p")?.textContent).toBe("3rd in line · Seed 7");
  fireEvent.keyDown(within(card).getByRole("button", { name: "More" }), { key: "Enter" });
  fireEvent.click(await screen.findByText("Use settings"));
  expect(use).toHaveBeenCalledWith(spec);
  fireEvent.click(screen.getByText("Cancel"));
  await screen.findByText("Canceling", { selector: "span" });
  expect(requests.map(({ path }) => path)).toEqual(["/api/jobs/waits/cancel"]);
});

test("a failed job is tried again", async () => {
  act(() => jobStore.merge([job("failed", { status: "failed", error: { code: "out_of_memory", stage: "generate", message: "" } })]));
  show();
  fireEvent.keyDown(screen.getByRole("button", { name: "More" }), { key: "Enter" });
  fireEvent.click(await screen.findByText("Retry"));
  await waitFor(() => expect(requests.map(({ path }) => path)).toEqual(["/api/jobs/failed/retry"]));
});

test("notifications are asked for where people wait, and switched off there", async () => {
  const requestPermission = vi.fn(async () => {
    FakeNotification.permission = "granted";
    return "granted";
  });
  const FakeNotification = Object.assign(vi.fn(), { permission: "default", requestPermission });
  vi.stubGlobal("Notification", FakeNotification);
  act(() => jobStore.merge([]));
  show();
  const name = { name: "Notify me when a video is ready" };
  fireEvent.click(screen.getByRole("button", name));
  await waitFor(() => expect(screen.getByRole("button", name).ariaPressed).toBe("true"));
  fireEvent.click(screen.getByRole("button", name));
  await waitFor(() => expect(usePreferences.getState().notifications).toBe(false));
  expect(requestPermission).toHaveBeenCalledTimes(1);
});

test("a page that shows more jobs reads as many, after the first ones", async () => {
  show(60);
  expect(requests).toEqual([]);
  act(() => jobStore.merge([]));
  await screen.findByRole("article", { name: "of 60" });
  expect(requests).toHaveLength(1);
});

test("a browser without notifications has no switch for them", () => {
  vi.stubGlobal("Notification", undefined);
  Reflect.deleteProperty(window, "Notification");
  show();
  expect(screen.queryByRole("button", { name: "Notify me when a video is ready" })).toBeNull();
});
