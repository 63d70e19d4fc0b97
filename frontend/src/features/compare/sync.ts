/** Several videos as one: the longest leads, the others follow its time. */

/** How far a follower may be away before it is moved. A seek costs a decode, so small differences stay. */
export const TOLERANCE_SECONDS = 0.08;

/** Where a video of `duration` is when the leader is at `time`: at the same time, at the end if it is shorter. */
export function placeOf(time: number, duration: number): number {
  if (!Number.isFinite(duration) || duration <= 0) return 0;
  // A seek to the very end shows nothing in some browsers.
  return Math.min(time, Math.max(0, duration - 0.001));
}

export function mustMove(at: number, time: number, duration: number): boolean {
  return Math.abs(at - placeOf(time, duration)) > TOLERANCE_SECONDS;
}

type Recipe = Record<string, unknown>;

/** The settings that differ between recipes, by name, with the value of each. */
export function differences(recipes: Recipe[]): [string, string[]][] {
  const names = [...new Set(recipes.flatMap((recipe) => Object.keys(recipe)))].sort();
  return names
    .map((name): [string, string[]] => [name, recipes.map((recipe) => shown(recipe[name]))])
    .filter(([, values]) => new Set(values).size > 1);
}

function shown(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
