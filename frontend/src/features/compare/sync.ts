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

/** What is needed of a video element. */
export type Media = Pick<HTMLVideoElement, "currentTime" | "duration" | "paused" | "seeking" | "ended" | "play">;

/** Moves what is not where the leader is. A seek that is under way is left to end: another one would start it again. */
export function align(leader: Media, followers: Media[]): void {
  for (const video of followers) {
    if (!video.seeking && mustMove(video.currentTime, leader.currentTime, video.duration)) {
      video.currentTime = placeOf(leader.currentTime, video.duration);
    }
  }
}

/** One frame of playing together: from the start when the leader has ended, otherwise side by side. */
export function playTogether(leader: Media, followers: Media[]): void {
  if (leader.ended) {
    for (const video of [leader, ...followers]) {
      video.currentTime = 0;
      start(video);
    }
    return;
  }
  if (leader.seeking) return;
  align(leader, followers);
  followers.filter((video) => video.paused && leader.currentTime < video.duration - TOLERANCE_SECONDS).forEach(start);
}

/** A browser may refuse to play, or end it for a seek: the next frame tries again. */
export function start(video: Media): void {
  void video.play().catch(() => undefined);
}

type Sized = { video: { width: number; height: number } | null };

/** The shape of all places, width by height: that of the videos if they agree, otherwise a square. */
export function shapeOf(videos: Sized[]): number {
  const shapes = new Set(videos.flatMap(({ video }) => (video ? [video.width / video.height] : [])));
  const [shape = 1] = shapes;
  return shapes.size === 1 ? shape : 1;
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
