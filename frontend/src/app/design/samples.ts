import { ApiError } from "@/lib/api/errors";
import type { Model, Style } from "@/features/models/api";
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

export const STYLE: Style = { name: "night", title: "Night", prompt: "at night, long exposure", negative_prompt: "", example: "a lake at night, stars moving", models: ["tiny"] };

export const MODEL: Model = {
  name: "tiny",
  title: "Tiny shapes",
  default: true,
  licence: "Apache-2.0",
  knows: "one shape that moves on a plain background",
  words: { colours: ["red", "blue"], shapes: ["circle", "star"], sizes: ["small"], motions: ["moving right", "growing"] },
  phrases: { colours: ["red", "blue"], shapes: ["circle", "star"], sizes: ["small"], motions: ["moving right", "growing"] },
  schedulers: ["ddim"],
  num_inference_steps: 10,
  steps: null,
  guidance_scale: 2,
  family: "animatediff",
  commercial_use: true,
  max_seconds: null,
  image: null,
  draws_first_frame: false,
  negative_prompt: true,
  prompt_travel: true,
  loop: true,
  styles: ["night"],
  loras: ["zoom"],
};

/** A model without extras: its fields are disabled and show the reason. */
export const POOR_MODEL: Model = { ...MODEL, name: "poor", title: "Poor shapes", words: null, phrases: null, steps: [10], negative_prompt: false, prompt_travel: false, loop: false, styles: [], loras: [] };
