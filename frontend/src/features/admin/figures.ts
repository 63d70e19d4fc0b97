/** How the figures of the system are shown. */
import type { Schemas } from "@/lib/api/client";

export type Hour = Schemas["HourView"];
export type Count = Schemas["BoundedCount"];
export type Worker = Schemas["WorkerView"];

export const STATES = ["succeeded", "failed", "canceled"] as const;
export type EndState = (typeof STATES)[number];

export type Bar = { hour: string; counts: Record<EndState, Count>; percent: Record<EndState, number>; empty: boolean };

/** The hours as stacked bars: each part in percent of the hour in which most jobs ended. */
export function bars(hours: Hour[]): Bar[] {
  const sum = (hour: Hour) => STATES.reduce((total, state) => total + hour[state].count, 0);
  const most = Math.max(1, ...hours.map(sum));
  return hours.map((hour) => ({
    hour: hour.hour,
    counts: { succeeded: hour.succeeded, failed: hour.failed, canceled: hour.canceled },
    percent: Object.fromEntries(STATES.map((state) => [state, (hour[state].count / most) * 100])) as Record<EndState, number>,
    empty: sum(hour) === 0,
  }));
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** A size in the largest unit of which there is at least one, with three digits that count. */
export function inUnits(bytes: number): { value: number; unit: (typeof UNITS)[number] } {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return { value: bytes / 1000 ** power, unit: UNITS[power] ?? "byte" };
}

const ORDER = ["preprocess", "generate", "interpolate", "upscale", "postprocess"];

export type StageReplicas = { stage: string; running: number; others: number };

/** The replicas of the stages in the order of the pipeline. Others than running ones start, stop or wait for a machine. */
export function stageReplicas(replicas: Worker["replicas"]): StageReplicas[] {
  const place = (stage: string) => (ORDER.includes(stage) ? ORDER.indexOf(stage) : ORDER.length);
  return Object.entries(replicas)
    .map(([stage, states]) => {
      const running = states.running ?? 0;
      return { stage, running, others: Object.values(states).reduce((total, count) => total + count, 0) - running };
    })
    .sort((a, b) => place(a.stage) - place(b.stage) || a.stage.localeCompare(b.stage));
}

/** The sum of objects and bytes. */
export function total(parts: { objects: number; bytes: number }[]): { objects: number; bytes: number } {
  return parts.reduce((sum, { objects, bytes }) => ({ objects: sum.objects + objects, bytes: sum.bytes + bytes }), { objects: 0, bytes: 0 });
}
