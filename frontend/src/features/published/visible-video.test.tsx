import { act, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TestProviders, stubGateway, testQueries, type Asked } from "@/test-providers";
import { usePublished, type PublicVideo, type Source } from "./api";
import { VisibleVideo } from "./visible-video";

const MINUTES = 60_000;
/** As long as links are valid: see VISITOR_LINK_SECONDS of the gateway. */
const LINKS_MS = 5 * MINUTES;
let requests: Asked[];
let isDown: boolean;

function answer({ path, query }: Asked): unknown {
  if (isDown) return Response.json({ code: "not_found", title: "Not found" }, { status: 404 });
  if (path !== "/api/gallery" || query.get("limit") === null) return sample(`/new-${requests.length}.mp4`);
  return { data: [], has_more: false, last_id: null };
}

function sample(url: string): PublicVideo {
  const video = { kind: "video", url, content_type: "video/mp4", width: 64, height: 64 };
  return { title: "A circle", prompt: null, format: "mp4", created_at: "2026-01-02T03:04:05Z", poster: null, preview: null, video } as unknown as PublicVideo;
}

function show(source: Source) {
  render(
    <TestProviders queries={testQueries()}>
      <VisibleVideo source={source} initial={sample("/first.mp4")} />
    </TestProviders>,
  );
}

const wait = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
const download = () => screen.getByRole("link", { name: "Download" }).getAttribute("href");
const player = () => screen.queryByLabelText<HTMLVideoElement>(/A circle/, { selector: "video" });

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: vi.fn(), removeEventListener: vi.fn() }));
  isDown = false;
  requests = stubGateway(answer);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test("the links of a video are renewed before they end, with the password of its share", async () => {
  show({ share_token: "t", password: "secret" });
  await wait(LINKS_MS - 1);
  expect(requests).toMatchObject([{ method: "POST", path: "/api/shared/t", body: { password: "secret" } }]);
  expect(download()).toContain("/new-1.mp4");
  await wait(4 * MINUTES);
  expect(requests).toHaveLength(2);
});

test("a page in the background renews nothing", async () => {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
  show({ video_id: "v" });
  await wait(20 * MINUTES);
  expect(requests).toEqual([]);
});

test("a renewal that fails keeps what is shown, until its link no longer works", async () => {
  show({ video_id: "v" });
  isDown = true;
  await wait(LINKS_MS);
  expect(requests).toHaveLength(1);
  const video = player();
  expect(video?.getAttribute("src")).toContain("/first.mp4");
  if (video) fireEvent.error(video);
  await wait(0);
  expect(screen.getByRole("alert").textContent).toContain("It does not exist");
  isDown = false;
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await wait(0);
  expect(player()?.getAttribute("src")).toContain("/new-3.mp4");
});

function List() {
  return <output>{usePublished(12).status}</output>;
}

test("the links of the gallery are renewed before they end", async () => {
  render(
    <TestProviders queries={testQueries()}>
      <List />
    </TestProviders>,
  );
  await wait(LINKS_MS - 1);
  expect(requests.map(({ path }) => path)).toEqual(["/api/gallery", "/api/gallery"]);
});
