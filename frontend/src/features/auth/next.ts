/** The page of the composer, where a draft waits behind the log-in. */
export const COMPOSER = "/create";

/** Where to go after signing in: a path of this site, never another origin. */
export function safeNext(value: string | null): string {
  return value && /^\/(?![/\\])/.test(value) ? value : COMPOSER;
}
