import type { Queued } from "./api";

/** One entry per video, in the order of the queue: a decision is about a video and closes all its reports. */
export function grouped(reports: Queued[]): Queued[] {
  const seen = new Set<string>();
  return reports.filter(({ video_id }) => !seen.has(video_id) && seen.add(video_id));
}

/** The entry to show after the decision about `video_id`. */
export function nextAfter(entries: Queued[], video_id: string): string | null {
  const at = entries.findIndex((entry) => entry.video_id === video_id);
  const next = entries[at + 1] ?? entries[at - 1];
  return next?.video_id ?? null;
}
