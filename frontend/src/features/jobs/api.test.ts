// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { stubGateway, type Asked } from "@/test-providers";
import { job } from "@/test-samples";
import { fetchJobs } from "./api";
import { jobStore, useJobStore } from "./store";

const page = (ids: string[], has_more = false) => ({ data: ids.map((id) => job(id)), has_more, first_id: ids[0], last_id: ids.at(-1) });
let refuse: (asked: Asked) => boolean;

/** The newest jobs, one that runs behind them, and two pages of those that wait. */
function answer(asked: Asked) {
  if (refuse(asked)) return Response.json({ code: "unavailable", title: "Unavailable" }, { status: 503 });
  if (asked.query.get("status") === "running") return page(["oldest"]);
  if (asked.query.get("status") !== "queued") return page(["newest"], true);
  return asked.query.get("after") === "w1" ? page(["w2"]) : page(["w1"], true);
}

beforeEach(() => {
  refuse = () => false;
  jobStore.reset();
});
afterEach(() => vi.unstubAllGlobals());

test("all open jobs are read besides the newest ones, however many there are", async () => {
  const requests = stubGateway(answer);
  await fetchJobs();
  const { jobs, loaded } = useJobStore.getState();
  expect([[...jobs.keys()].sort(), loaded]).toEqual([["newest", "oldest", "w1", "w2"], true]);
  const asked = requests.map(({ query }) => Object.fromEntries(query));
  expect(asked).toEqual([{ limit: "24" }, { status: "queued", limit: "100" }, { status: "running", limit: "100" }, { status: "queued", limit: "100", after: "w1" }]);
});

test("one part that cannot be read is an error: the queue is not shown as complete", async () => {
  refuse = ({ query }) => query.get("status") === "running";
  stubGateway(answer);
  await expect(fetchJobs()).rejects.toMatchObject({ status: 503 });
  expect(useJobStore.getState()).toMatchObject({ loaded: false, error: { status: 503 } });
});
