/** The geometry of the gallery: rows of square tiles with two lines of text, so that only those near the view are rendered. */

export const GAP = 16;
const ROW_GAP = 24;
/** Two lines of small text, and the space above them. */
const CAPTION = 48;
const MIN_TILE = 208;
const MIN_TILE_NARROW = 150;

export type Grid = { columns: number; tile: number; row: number };

/** For a list of this width in pixels. Two columns at least. */
export function gridOf(width: number): Grid {
  const minimum = width < 640 ? MIN_TILE_NARROW : MIN_TILE;
  const columns = Math.max(2, Math.floor((width + GAP) / (minimum + GAP)));
  const tile = Math.max(0, (width - GAP * (columns - 1)) / columns);
  return { columns, tile, row: Math.round(tile + CAPTION + ROW_GAP) };
}

/** The place after a key; null if the key moves nothing. */
export function moved(key: string, at: number, columns: number, count: number): number | null {
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -at, End: count - 1 - at };
  const step = steps[key];
  if (step === undefined || count === 0) return null;
  const to = at + step;
  return to < 0 || to >= count ? null : to;
}
