/** A model, a style, a video and a job for tests. */
import { sendingJob, type Job } from "@/features/jobs/job";
import type { Model, Style } from "@/features/models/api";
import type { Video } from "@/features/videos/api";

export const STYLE: Style = { name: "night", title: "Night", prompt: "at night", negative_prompt: "", example: "a lake at night", models: ["tiny"] };

export const MODEL: Model = {
  name: "tiny",
  title: "Tiny shapes",
  default: true,
  licence: "Apache-2.0",
  knows: "one shape that moves",
  words: { colours: ["red", "blue"], shapes: ["circle", "star"], sizes: ["small"], motions: ["moving right"] },
  phrases: { colours: ["red", "blue"], shapes: ["circle", "star"], sizes: ["small"], motions: ["moving right"] },
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

export function video(id: string, change: Partial<Video> = {}): Video {
  return {
    id,
    job_id: null,
    title: "",
    prompt: "a red circle",
    tags: [],
    favourite: false,
    visibility: "private",
    show_prompt: false,
    moderation: { state: "visible", reason: null, statement: null, decided_at: null },
    format: "mp4",
    created_at: "2026-01-02T03:04:05Z",
    trashed_at: null,
    purge_at: null,
    finishable: true,
    finishable_until: null,
    finished_from: null,
    video: null,
    poster: null,
    preview: null,
    resolved: {},
    ...change,
  };
}

export function job(id: string, change: Partial<Job> = {}): Job {
  return { ...sendingJob(id, { prompt: "a red circle" }), sending: undefined, revision: 1, ...change };
}
