import { ApiError } from "@/lib/api/errors";
import { STAGES, sendingJob, type Job, type Stage } from "@/features/jobs/job";

const PROMPT = "a yellow star moving up on a black background";

/** A job that is in the middle of a stage. */
function job(change: Partial<Job>, running?: Stage, value = 0): Job {
  const at = running ? STAGES.indexOf(running) : -1;
  const stages = STAGES.map((name, index) => {
    const status = index < at ? "done" : index === at ? "running" : "pending";
    return { name, status, value: index === at ? value : 0, duration_ms: null };
  });
  const base = { ...sendingJob(`sample-${JSON.stringify(change).length}-${running}`, { prompt: PROMPT }), sending: undefined };
  return { ...base, revision: 1, progress: { ...base.progress, stage: running ?? null, stages, value }, ...change };
}

const failed = (code: string, stage: Stage): Job => job({ status: "failed", error: { code, stage, message: "needs 14 GB" } });

export const OPEN_JOBS: Job[] = [
  sendingJob("sample-sending", { prompt: PROMPT }),
  { ...sendingJob("sample-unsent", { prompt: PROMPT }), sending: { key: "sample-unsent", error: new TypeError("offline") } },
  job({ queue_position: 3 }),
  job({ status: "running", eta_seconds: 42, progress: { ...job({}, "generate", 0.4).progress, step: 8, steps: 20 } }),
  job({ status: "running", eta_seconds: 6 }, "upscale", 0.7),
  job({ status: "canceling" }, "generate", 0.6),
  job({ queue_position: 1, spec: { prompt: `<img src=x onerror="alert(1)"> ${"a very long prompt without an end ".repeat(8)}` } }),
];

export const ENDED_JOBS: Job[] = [failed("out_of_memory", "generate"), failed("refused", "preprocess"), job({ status: "canceled" })];

export const PROBLEM = new ApiError(503, "unavailable", "Unavailable", null, "0f3c9d2a7b1e4c55", [], 2);
