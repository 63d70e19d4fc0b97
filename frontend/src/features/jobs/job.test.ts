import { describe, expect, test } from "vitest";
import type { Message } from "@/lib/api/events.gen";
import { hasNewVideo, newer, sendingJob, sorted, totalProgress, withJobs, withMessage, type Job } from "./job";

function job(change: Partial<Job> = {}): Job {
  return { ...sendingJob("j1", { prompt: "a red circle" }), sending: undefined, job_id: "j1", revision: 3, attempt: 1, status: "running", ...change };
}

function at(value: number): Job["progress"] {
  return { ...job().progress, value };
}

const envelope = { seq: 5, at: "2026-01-01T00:00:00Z", job_id: "j1" };

function progress(value: number, revision: number, attempt = 1): Message {
  return { ...envelope, type: "job.progress", revision, data: { attempt, progress: at(value), eta_seconds: 4 } } as Message;
}

describe("two versions of a job", () => {
  test("the newer one wins", () => {
    expect(newer(job(), job({ revision: 4, status: "succeeded" })).status).toBe("succeeded");
    expect(newer(job({ revision: 4, status: "succeeded" }), job()).status).toBe("succeeded");
  });

  test("progress never goes back", () => {
    expect(newer(job({ progress: at(0.6) }), job({ revision: 9, progress: at(0.2) })).progress.value).toBe(0.6);
  });
});

describe("messages", () => {
  const jobs = withJobs(new Map(), [job({ progress: at(0.5) })]);
  const valueAfter = (message: Message) => withMessage(jobs, message).get("j1")?.progress.value;

  test("progress is taken over", () => {
    expect(valueAfter(progress(0.7, 4))).toBe(0.7);
  });

  test("an older revision, an older attempt and an unknown job change nothing", () => {
    expect(valueAfter(progress(0.9, 2))).toBe(0.5);
    expect(valueAfter(progress(0.9, 4, 0))).toBe(0.5);
    expect(withMessage(jobs, { ...progress(0.9, 4), job_id: "j2" } as Message)).toBe(jobs);
  });

  test("progress that arrives after the end changes nothing", () => {
    const ended = withJobs(new Map(), [job({ status: "canceled" })]);
    expect(withMessage(ended, progress(0.9, 9))).toBe(ended);
  });

  test("a preview has another address each time, because its object is replaced", () => {
    const preview = (revision: number) =>
      withMessage(jobs, { ...envelope, type: "job.preview", revision, data: { attempt: 1, preview_url: "/api/files/p.webp?expires=1" } } as Message);
    expect(preview(4).get("j1")?.preview_url).toBe("/api/files/p.webp?expires=1&r=4");
    expect(preview(5).get("j1")?.preview_url).not.toBe(preview(4).get("j1")?.preview_url);
  });

  test("a snapshot adds and updates, and a job in the trash disappears", () => {
    const data = { jobs: [job({ revision: 7, trashed_at: "2026-01-01T00:00:00Z" }), job({ job_id: "j2" })], complete: true };
    const next = withMessage(jobs, { ...envelope, type: "snapshot", job_id: null, revision: null, data } as unknown as Message);
    expect([...next.keys()]).toEqual(["j2"]);
  });
});

test("open jobs in the order of their start, ended ones newest first", () => {
  const times = ["2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"] as const;
  const jobs = withJobs(new Map(), [
    job({ job_id: "b", created_at: times[1] }),
    job({ job_id: "a", created_at: times[0] }),
    job({ job_id: "c", created_at: times[0], status: "failed" }),
    job({ job_id: "d", created_at: times[1], status: "succeeded" }),
  ]);
  const { open, ended } = sorted(jobs);
  expect(open.map((one) => one.job_id)).toEqual(["a", "b"]);
  expect(ended.map((one) => one.job_id)).toEqual(["d", "c"]);
});

test("the progress of all open jobs", () => {
  expect(totalProgress([])).toBeNull();
  expect(totalProgress([job({ progress: at(0.5) }), job({ progress: at(0) })])).toBe(0.25);
});

test("a job that has succeeded since is a new video, however it was heard of", () => {
  const of = (...jobs: [string, Job["status"]][]) => new Map(jobs.map(([job_id, status]) => [job_id, { ...sendingJob(job_id, { prompt: "a" }), status }]));
  expect(hasNewVideo(of(["a", "running"]), of(["a", "succeeded"]))).toBe(true);
  expect(hasNewVideo(of(), of(["a", "succeeded"]))).toBe(true);
  expect(hasNewVideo(of(["a", "succeeded"]), of(["a", "succeeded"], ["b", "failed"], ["c", "running"]))).toBe(false);
});
