/** The requests about jobs. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, unwrap, type Schemas } from "@/lib/api/client";
import { newKey } from "@/lib/random";
import { sendingJob, type Job, type Request } from "./job";
import { jobStore, useJobStore } from "./store";

/** How many of the newest jobs are read first, and while the network blocks WebSockets, again and again. */
export const RECENT = 24;
/** What the route allows. */
const MAX_PAGE = 100;
/** Signed links are valid for an hour; they are renewed before. */
const RESULT_STALE_MS = 50 * 60_000;

export type Result = Schemas["ResultView"];

/** The newest jobs, whatever their status. */
async function readRecent(limit: number): Promise<Job[]> {
  return (await unwrap(api.GET("/api/jobs", { params: { query: { limit } } }))).data;
}

/** All jobs that wait or run. A page of long prompts has less than its limit. */
async function readAll(status: "queued" | "running"): Promise<Job[]> {
  const jobs: Job[] = [];
  for (let after: string | undefined; ; ) {
    const page = await unwrap(api.GET("/api/jobs", { params: { query: { status, limit: MAX_PAGE, after } } }));
    jobs.push(...page.data);
    if (!page.has_more || !page.last_id) return jobs;
    after = page.last_id;
  }
}

/** Reads more of the newest jobs, for a page that shows more. */
export async function fetchRecent(limit: number): Promise<void> {
  jobStore.merge(await readRecent(limit));
}

/** Reads the newest jobs and all that are open: an old one may still wait behind many newer ones, or run. */
export async function fetchJobs(): Promise<void> {
  try {
    jobStore.merge((await Promise.all([readRecent(RECENT), readAll("queued"), readAll("running")])).flat());
  } catch (error) {
    jobStore.fail(error);
    throw error;
  }
}

/** Queues a video. Its card appears at once; the answer corrects it. Sending again with the same key is safe. */
export async function submit(spec: Request, key: string = newKey()): Promise<void> {
  jobStore.addSending(key, spec);
  jobStore.failSending(key, null);
  try {
    const accepted = await unwrap(
      api.POST("/api/generate", { params: { header: { "idempotency-key": key } }, body: spec as Schemas["Spec"] }),
    );
    const known = useJobStore.getState().jobs.get(accepted.job_id);
    jobStore.replaceSending(key, known ?? { ...sendingJob(key, spec), ...accepted, sending: undefined });
  } catch (error) {
    jobStore.failSending(key, error);
    throw error;
  }
}

export async function cancel(job: Job): Promise<void> {
  jobStore.merge([await unwrap(api.POST("/api/jobs/{job_id}/cancel", { params: { path: { job_id: job.job_id } } }))]);
}

export async function retry(job: Job): Promise<void> {
  const path = { job_id: job.job_id };
  const header = { "idempotency-key": `retry-${job.job_id}-${job.revision}` };
  jobStore.merge([await unwrap(api.POST("/api/jobs/{job_id}/retry", { params: { path, header } }))]);
}

export async function moveToTrash(job: Job): Promise<void> {
  jobStore.remove(job.job_id);
  try {
    await unwrap(api.DELETE("/api/jobs/{job_id}", { params: { path: { job_id: job.job_id } } }));
  } catch (error) {
    jobStore.merge([job]);
    throw error;
  }
}

export async function restore(job: Job): Promise<void> {
  jobStore.merge([await unwrap(api.POST("/api/jobs/{job_id}/restore", { params: { path: { job_id: job.job_id } } }))]);
}

export function resultQuery(jobId: string) {
  return queryOptions({
    queryKey: ["jobs", jobId, "result"],
    queryFn: () =>
      unwrap(api.GET("/api/result/{job_id}", { params: { path: { job_id: jobId } }, headers: { accept: "application/json" } })),
    staleTime: RESULT_STALE_MS,
    refetchInterval: RESULT_STALE_MS,
  });
}

/** The files of a job that has succeeded. */
export function useResult(job: Job) {
  return useQuery({ ...resultQuery(job.job_id), enabled: job.status === "succeeded" });
}
