/** A signed link of the local store as a path of this origin; links of an object store stay as they are. */
export function mediaUrl(url: string): string;
export function mediaUrl(url: string | null | undefined): string | null;
export function mediaUrl(url: string | null | undefined): string | null {
  if (!url) return null;
  const at = url.indexOf("/api/files/");
  return at === -1 ? url : url.slice(at);
}
