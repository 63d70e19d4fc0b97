/** The chosen videos of the gallery. Pure functions over their ids. */

export type Selection = ReadonlySet<string>;

export const NOTHING: Selection = new Set();

export function toggled(selection: Selection, id: string): Selection {
  const next = new Set(selection);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** Adds all from the last chosen one to this one, as Shift and a click do elsewhere. */
export function extended(selection: Selection, order: string[], from: string | null, to: string): Selection {
  const start = from === null ? -1 : order.indexOf(from);
  const end = order.indexOf(to);
  if (start === -1 || end === -1) return new Set(selection).add(to);
  return new Set([...selection, ...order.slice(Math.min(start, end), Math.max(start, end) + 1)]);
}

/** Without ids that the gallery no longer shows: nothing unseen is changed. */
export function visible(selection: Selection, order: string[]): Selection {
  const shown = new Set(order);
  return new Set([...selection].filter((id) => shown.has(id)));
}

/** A bulk request takes this many ids. */
export const BULK = 100;

export function batches(ids: string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / BULK) }, (_, index) => ids.slice(index * BULK, (index + 1) * BULK));
}
