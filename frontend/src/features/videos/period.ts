/** The days of which the gallery shows videos, as in the address: `2026-11-21`, in the time zone of the browser. */

export type Period = { from: string; to: string };
export const PERIODS = ["any", "today", "week", "month", "year", "own"] as const;
export type PeriodName = (typeof PERIODS)[number];

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const FIRST_YEAR = 1970;

/** The first moment of a day, or of one some days later; null if the text is not a date. */
function startOf(day: string, later = 0): Date | null {
  const [, year, month, date] = (DATE.exec(day) ?? []).map(Number);
  if (!year || !month || !date || year < FIRST_YEAR) return null;
  const start = new Date(year, month - 1, date + later);
  return later === 0 && dayOf(start) !== day ? null : start;
}

function dayOf(moment: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

/** A day of an address; empty if it is none. */
export function validDay(text: string): string {
  return startOf(text) ? text : "";
}

/** The days of a name, up to now. `own` and `any` have none. */
export function periodOf(name: PeriodName, today = new Date()): Period {
  const [year, month, day] = [today.getFullYear(), today.getMonth(), today.getDate()];
  const first = { any: null, own: null, today, week: new Date(year, month, day - 6), month: new Date(year, month, day - 29), year: new Date(year - 1, month, day) }[name];
  return { from: first ? dayOf(first) : "", to: "" };
}

export function nameOfPeriod({ from, to }: Period, today = new Date()): PeriodName {
  if (!from && !to) return "any";
  const named = (["today", "week", "month", "year"] as const).find((name) => periodOf(name, today).from === from);
  return to || !named ? "own" : named;
}

/** From the start of the first day to the end of the last one, as the parameters of GET /api/videos. */
export function boundsOf({ from, to }: Period): { created_after?: string; created_before?: string } {
  const after = startOf(from);
  const before = to && startOf(to) ? startOf(to, 1) : null;
  return { ...(after && { created_after: after.toISOString() }), ...(before && { created_before: before.toISOString() }) };
}
