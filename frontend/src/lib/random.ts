/** A key for one request. `crypto.randomUUID` exists over TLS and on localhost only. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A number from 0 to `maximum`. */
export function randomInteger(maximum: number): number {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return value % (maximum + 1);
}
