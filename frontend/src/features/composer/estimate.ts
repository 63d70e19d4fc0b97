/** How long a request will take, from the stages of the newest finished job of the same model. */
import type { Job } from "@/features/jobs/job";
import type { Model } from "@/features/models/api";
import { framesOf, type Settings } from "./settings";

type Size = Pick<Settings, "width" | "height" | "fps" | "duration_seconds"> & { num_inference_steps?: number | null };

function drawing(size: Size, model: Model | undefined): number {
  return (size.num_inference_steps ?? model?.num_inference_steps ?? 1) * size.duration_seconds;
}

function pixels(size: Size): number {
  return size.width * size.height * framesOf(size);
}

/** Seconds, without the wait in the queue; null while nothing was measured. */
export function estimateSeconds(settings: Settings, model: Model | undefined, jobs: Iterable<Job>): number | null {
  const name = settings.model || model?.name;
  const done = [...jobs].filter((job) => job.status === "succeeded" && (job.spec as { model?: string }).model === name);
  const reference = done.sort((a, b) => b.created_at.localeCompare(a.created_at))[0];
  if (!reference) return null;
  const size = reference.spec as Size;
  const drawn = drawing(settings, model) / drawing(size, model);
  const finished = pixels(settings) / pixels(size);
  const ms = (reference.progress.stages ?? []).reduce((sum, stage) => {
    const factor = stage.name === "generate" ? drawn : stage.name === "preprocess" ? 1 : finished;
    return sum + (stage.duration_ms ?? 0) * factor;
  }, 0);
  return ms > 0 ? ms / 1000 : null;
}
