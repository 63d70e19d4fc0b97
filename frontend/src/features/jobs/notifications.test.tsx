import { act, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { usePreferences as Preferences } from "@/lib/preferences";
import { TestProviders, testQueries } from "@/test-providers";
import { job } from "@/test-samples";

vi.mock("next/navigation", () => ({ usePathname: () => "/queue" }));

let made: string[];
let preferences: typeof Preferences;

/** A browser whose constructor makes notifications, or throws as that of Chrome on Android. */
function stub(permission: NotificationPermission, throws: boolean) {
  const construct = vi.fn(function (title: string) {
    if (throws) throw new TypeError("Illegal constructor");
    made.push(title);
  });
  vi.stubGlobal("Notification", Object.assign(construct, { permission }));
}

/** The page with a job that ends in the background. */
async function showEnd() {
  const [{ JobAnnouncer }, { NotifySwitch }, { jobStore }] = await Promise.all([import("./job-announcer"), import("./notify-switch"), import("./store")]);
  const { LiveRegion } = await import("@/components/live-region");
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
  act(() => jobStore.merge([job("j1", { status: "running" })]));
  render(
    <TestProviders queries={testQueries()}>
      <JobAnnouncer />
      <NotifySwitch />
      <LiveRegion />
    </TestProviders>,
  );
  act(() => jobStore.merge([job("j1", { status: "succeeded", revision: 2 })]));
  await screen.findByText("a red circle: Ready");
}

const isOffered = () => screen.queryByRole("button", { name: "Notify me when a video is ready" }) !== null;

beforeEach(async () => {
  vi.resetModules();
  made = [];
  ({ usePreferences: preferences } = await import("@/lib/preferences"));
  preferences.setState({ notifications: true });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("a job that ends in the background is notified", async () => {
  stub("granted", false);
  await showEnd();
  expect(made).toEqual(["Your video is ready"]);
  expect(isOffered()).toBe(true);
});

test("a constructor that throws does not break the page, and the switch goes", async () => {
  stub("granted", true);
  await showEnd();
  await waitFor(() => expect(isOffered()).toBe(false), { interval: 5 });
  expect(preferences.getState().notifications).toBe(false);
});

test("without permission, a browser whose constructor throws has no switch", async () => {
  stub("default", true);
  await showEnd();
  expect(isOffered()).toBe(false);
});

test("without permission nothing is notified", async () => {
  stub("denied", false);
  await showEnd();
  expect(made.filter(Boolean)).toEqual([]);
});
