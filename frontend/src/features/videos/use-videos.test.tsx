import { focusManager } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { jobStore } from "@/features/jobs/store";
import { useLiveJobs } from "@/features/jobs/use-live-jobs";
import { TestProviders, stubGateway, testQueries, type Asked } from "@/test-providers";
import { job, video } from "@/test-samples";
import { useBulk, useChangeVideo, type Bulk, type Video } from "./api";
import { NO_FILTERS, type Filters } from "./filters";
import { LINKS_STALE_MS } from "./listed";
import { PAGE, useVideos } from "./use-videos";

const COUNT = 1000;
const idOf = (number: number) => `video-${String(number).padStart(5, "0")}`;

let gateway: Video[];
let requests: Asked[];
let refuse: (asked: Asked) => boolean;
/** Answers wait for it. */
let gate: Promise<void>;
let queries: ReturnType<typeof testQueries>;

async function answer(asked: Asked): Promise<unknown> {
  await gate;
  if (refuse(asked)) return Response.json({ code: "internal_error", title: "Error" }, { status: 500 });
  if (asked.path === "/api/jobs") return { data: [], has_more: false, first_id: null, last_id: null };
  if (asked.path === "/api/videos/bulk") return { data: changeMany(asked.body as Bulk) };
  if (asked.method === "PATCH") return { ...gateway.find(({ id }) => asked.path.endsWith(id)), ...(asked.body as Partial<Video>) };
  const after = asked.query.get("after");
  const trashed = asked.query.get("trashed") === "true";
  const found = gateway.filter((one) => (one.trashed_at !== null) === trashed && (!after || one.id < after));
  const data = found.slice(0, PAGE);
  return { data, has_more: found.length > PAGE, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

function changeMany({ ids, action }: Bulk): Video[] {
  const trashed_at = action === "trash" ? "2026-01-03T00:00:00Z" : null;
  gateway = gateway.map((one) => (ids.includes(one.id) ? { ...one, trashed_at } : one));
  return gateway.filter(({ id }) => ids.includes(id));
}

const wrapper = ({ children }: { children: ReactNode }) => <TestProviders queries={queries}>{children}</TestProviders>;
const useAll = ({ filters }: { filters: Filters }) => ({ videos: useVideos(filters), bulk: useBulk(), change: useChangeVideo(), live: useLiveJobs(true) });

/** `waitFor` checks every 50 ms, and each of these tests waits for forty answers that come at once. */
const until = (check: () => void) => waitFor(check, { interval: 2 });

/** The gallery, scrolled to its end. */
async function scrolled(filters: Filters = NO_FILTERS) {
  const hook = renderHook(useAll, { wrapper, initialProps: { filters } });
  await until(() => expect(hook.result.current.videos.list).toBeDefined());
  while (hook.result.current.videos.list?.hasMore) {
    const { length } = hook.result.current.videos.list.videos;
    act(() => hook.result.current.videos.more());
    await until(() => expect(hook.result.current.videos.list?.videos.length).toBeGreaterThan(length));
  }
  requests.length = 0;
  const shown = () => hook.result.current.videos.list?.videos.map(({ id }) => id) ?? [];
  return { ...hook, shown };
}

const settled = () => act(() => new Promise((resolve) => setTimeout(resolve, 20)));
const listReads = () => requests.filter(({ path }) => path === "/api/videos");

beforeEach(() => {
  gateway = Array.from({ length: COUNT }, (_, index) => video(idOf(COUNT - index)));
  queries = testQueries();
  refuse = () => false;
  gate = Promise.resolve();
  requests = stubGateway(answer);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  jobStore.reset();
});

test("a finished job reads one page, however many videos are loaded", async () => {
  const { shown } = await scrolled();
  expect(shown()).toHaveLength(COUNT);
  act(() => jobStore.merge([job("new", { status: "running" })]));
  gateway = [video(idOf(COUNT + 1)), ...gateway];
  act(() => jobStore.merge([job("new", { status: "succeeded", revision: 2 })]));
  await until(() => expect(shown()[0]).toBe(idOf(COUNT + 1)));
  await settled();
  expect(shown()).toHaveLength(COUNT + 1);
  expect(listReads()).toHaveLength(1);
});

test("the focus of the window and a return to the gallery read one page each", async () => {
  const { shown, unmount } = await scrolled();
  gateway = gateway.slice(1);
  act(() => {
    focusManager.setFocused(false);
    focusManager.setFocused(true);
  });
  await until(() => expect(shown()).toHaveLength(COUNT - 1));
  expect(listReads()).toHaveLength(1);
  unmount();
  const again = renderHook(useAll, { wrapper, initialProps: { filters: NO_FILTERS } });
  await settled();
  expect(again.result.current.videos.list?.videos).toHaveLength(COUNT - 1);
  expect(listReads()).toHaveLength(2);
});

test("what goes to the trash leaves at once, and comes back, without reading the list", async () => {
  const { result, shown } = await scrolled();
  const ids = shown().slice(500, 600);
  act(() => result.current.bulk.mutate({ ids, action: "trash" }));
  await until(() => expect(shown()).toHaveLength(COUNT - 100));
  await until(() => expect(result.current.bulk.isSuccess).toBe(true));
  act(() => result.current.bulk.mutate({ ids, action: "restore" }));
  await until(() => expect(shown().slice(500, 600)).toEqual(ids));
  await settled();
  expect(requests.map(({ path }) => path)).toEqual(["/api/videos/bulk", "/api/videos/bulk"]);
});

test("what could not be moved is shown again", async () => {
  const { result, shown } = await scrolled();
  refuse = ({ path }) => path === "/api/videos/bulk";
  let open = (): void => undefined;
  gate = new Promise((resolve) => {
    open = resolve;
  });
  act(() => result.current.bulk.mutate({ ids: shown().slice(500, 600), action: "trash" }));
  await until(() => expect(shown()).toHaveLength(COUNT - 100));
  open();
  await until(() => expect(shown()).toHaveLength(COUNT));
  expect(listReads()).toEqual([]);
});

test("a change enters the lists that it belongs to", async () => {
  const favourites: Filters = { ...NO_FILTERS, show: "favourites" };
  const { result, shown, rerender } = await scrolled();
  queries.setQueryData(["videos", "list", favourites], { videos: [], hasMore: false, readAt: new Map() });
  const id = shown()[700] ?? "";
  act(() => result.current.change.mutate({ id, change: { favourite: true } }));
  await until(() => expect(result.current.videos.list?.videos[700]?.favourite).toBe(true));
  expect(listReads()).toEqual([]);
  rerender({ filters: favourites });
  expect(result.current.videos.list?.videos.map((one) => one.id)).toEqual([id]);
});

test("links are renewed where they are in view", async () => {
  const { result, shown } = await scrolled();
  act(() => result.current.videos.renew(480, 520));
  await settled();
  expect(requests).toEqual([]);
  vi.setSystemTime(Date.now() + LINKS_STALE_MS + 1000);
  act(() => result.current.videos.renew(480, 503));
  await until(() => expect(requests).toHaveLength(1));
  expect(requests[0]?.query.get("after")).toBe(shown()[479]);
  await settled();
  act(() => result.current.videos.renew(480, 503));
  await settled();
  expect(requests).toHaveLength(1);
});

test("a page that cannot be read says so, and is read again when asked to", async () => {
  const hook = renderHook(useAll, { wrapper, initialProps: { filters: NO_FILTERS } });
  await until(() => expect(hook.result.current.videos.list).toBeDefined());
  refuse = ({ query }) => query.has("after");
  act(() => hook.result.current.videos.more());
  await until(() => expect(hook.result.current.videos.error).toMatchObject({ status: 500 }));
  act(() => hook.result.current.videos.more());
  await settled();
  expect(requests.filter(({ query }) => query.has("after"))).toHaveLength(1);
  refuse = () => false;
  act(() => hook.result.current.videos.retry());
  await until(() => expect(hook.result.current.videos.list?.videos).toHaveLength(2 * PAGE));
  expect(hook.result.current.videos.error).toBeNull();
});
