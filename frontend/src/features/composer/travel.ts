/** The prompt changes of the form: a list until they are sent, so that two can have the same second while they are edited. */
import type { Spec } from "@/features/jobs/job";

/** `at` is the number of a frame ("12") or a time ("2.5s"), as in a request. */
export type PromptChange = { at: string; prompt: string };
export type TravelProblem = { field: "prompt_travel"; key: "travelEnd" | "travelTwice" | "travelEmpty"; row: number; seconds: number };
type Video = { fps: number; duration_seconds: number };

const rounded = (seconds: number) => Math.round(seconds * 1000) / 1000;

export function changesOf(travel: Spec["prompt_travel"]): PromptChange[] {
  return Object.entries(travel ?? {}).map(([at, prompt]) => ({ at, prompt }));
}

export function travelOf(changes: PromptChange[]): Record<string, string> {
  return Object.fromEntries(changes.map(({ at, prompt }) => [at, prompt]));
}

export function secondsOf(at: string, fps: number): number {
  return rounded(at.endsWith("s") ? Number(at.slice(0, -1)) : Number(at) / fps);
}

export function momentAt(seconds: number): string {
  return `${rounded(seconds)}s`;
}

/** One second after the last change, or halfway between it and the end of the video. */
export function nextMoment(changes: PromptChange[], { fps, duration_seconds }: Video): string {
  const inside = changes.map(({ at }) => secondsOf(at, fps)).filter((seconds) => seconds < duration_seconds);
  const last = Math.max(0, ...inside);
  return momentAt(last + 1 < duration_seconds ? last + 1 : (last + duration_seconds) / 2);
}

/** The gateway refuses changes after the end; of two at the same time, and of an empty prompt, it would use one or none. */
export function travelProblem(changes: PromptChange[], { fps, duration_seconds }: Video): TravelProblem | null {
  const times = changes.map(({ at }) => secondsOf(at, fps));
  for (const [row, seconds] of times.entries()) {
    const problem = (key: TravelProblem["key"]): TravelProblem => ({ field: "prompt_travel", key, row, seconds });
    if (!(seconds >= 0 && seconds < duration_seconds)) return problem("travelEnd");
    if (times.indexOf(seconds) < row) return problem("travelTwice");
    if (!changes[row]?.prompt.trim()) return problem("travelEmpty");
  }
  return null;
}
