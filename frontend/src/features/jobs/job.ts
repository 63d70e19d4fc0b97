/** A job as the web app shows it, and how news about it is merged. Pure functions. */
import type { Schemas } from "@/lib/api/client";
import type { Message } from "@/lib/api/events.gen";

export type JobView = Schemas["JobView"];
export type Spec = Schemas["Spec"];
/** The body of POST /api/generate: what is left out has the server's default. */
export type Request = Partial<Spec> & Pick<Spec, "prompt">;

export type Job = JobView & {
  /** Shown before the gateway has answered; `error` if it could not be sent. */
  sending?: { key: string; error: unknown };
};

export const STAGES = ["preprocess", "generate", "interpolate", "upscale", "postprocess"] as const;
export type Stage = (typeof STAGES)[number];

export function isOpen(job: Job): boolean {
  return job.status === "queued" || job.status === "running" || job.status === "canceling";
}

export function promptOf(job: Job): string {
  const { prompt } = job.spec as { prompt?: unknown };
  return typeof prompt === "string" ? prompt : job.job_id;
}

/** The newer of two versions of a job. Progress never goes back. */
export function newer(old: Job | undefined, next: Job): Job {
  if (!old) return next;
  if (next.revision < old.revision) return old;
  const value = Math.max(old.progress.value, next.progress.value);
  return { ...next, progress: { ...next.progress, value } };
}

export type Jobs = ReadonlyMap<string, Job>;

export function withJobs(jobs: Jobs, changed: Job[]): Jobs {
  const next = new Map(jobs);
  for (const job of changed) {
    if (job.trashed_at) next.delete(job.job_id);
    else next.set(job.job_id, newer(next.get(job.job_id), job));
  }
  return next;
}

/** The jobs after a message of the gateway. Messages about versions that are older than the known one change nothing. */
export function withMessage(jobs: Jobs, message: Message): Jobs {
  if (message.type === "snapshot") return withJobs(jobs, message.data.jobs as Job[]);
  if (message.type === "job.status") return withJobs(jobs, [message.data as Job]);
  const job = message.job_id ? jobs.get(message.job_id) : undefined;
  const revision = message.revision ?? null;
  if (!job || revision === null || revision < job.revision) return jobs;
  const change = changeOf(job, message);
  return change ? withJobs(jobs, [{ ...job, ...change, revision }]) : jobs;
}

function changeOf(job: Job, message: Message): Partial<Job> | null {
  switch (message.type) {
    case "job.progress":
      if (message.data.attempt < job.attempt || !isOpen(job)) return null;
      return { progress: message.data.progress as Job["progress"], eta_seconds: message.data.eta_seconds };
    case "job.preview":
      return message.data.attempt < job.attempt ? null : { preview_url: renewed(message.data.preview_url, message.revision) };
    case "queue.position":
      return { queue_position: message.data.queue_position };
    default:
      return null;
  }
}

/** A preview is replaced under its name: another address makes the browser load it again. */
function renewed(url: string | null, revision: number | null | undefined): string | null {
  return url && `${url}${url.includes("?") ? "&" : "?"}r=${revision}`;
}

const PENDING = STAGES.map((name) => ({ name, status: "pending", value: 0, duration_ms: null }));

/** The card of a request that was not answered yet. It sorts before all others. */
export function sendingJob(key: string, spec: Request): Job {
  return {
    job_id: key,
    status: "queued",
    progress: { value: 0, stage: null, step: null, steps: null, message: "", stages: PENDING },
    eta_seconds: null,
    queue_position: null,
    attempt: 0,
    revision: -1,
    error: null,
    warnings: [],
    resolved: null,
    spec,
    created_at: new Date().toISOString(),
    started_at: null,
    finished_at: null,
    trashed_at: null,
    preview_url: null,
    retried_from: null,
    video_id: null,
    links: {},
    sending: { key, error: null },
  };
}

/** Open jobs in the order in which they run, newest last; ended ones newest first. Ids of jobs are ordered by time. */
export function sorted(jobs: Jobs): { open: Job[]; ended: Job[] } {
  const all = [...jobs.values()].sort((a, b) => a.created_at.localeCompare(b.created_at) || a.job_id.localeCompare(b.job_id));
  return { open: all.filter(isOpen), ended: all.filter((job) => !isOpen(job)).reverse() };
}

/** Whether a job has succeeded since then: the gallery has a video more. */
export function hasNewVideo(before: Jobs, after: Jobs): boolean {
  return [...after.values()].some((job) => job.status === "succeeded" && before.get(job.job_id)?.status !== "succeeded");
}

/** The progress of all open jobs together, from 0 to 1; null if there are none. */
export function totalProgress(open: Job[]): number | null {
  if (open.length === 0) return null;
  return open.reduce((sum, job) => sum + job.progress.value, 0) / open.length;
}
