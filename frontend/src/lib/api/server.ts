/** Requests of the web server itself, for pages that are complete without scripts: their titles, pictures and Open Graph tags. */
import { headers } from "next/headers";
import type { Schemas } from "./client";

const TIMEOUT_MS = 5000;

export type Visible = Schemas["PublicVideo"];
export type Opened = { kind: "video"; video: Visible } | { kind: "password" } | { kind: "gone" } | { kind: "unavailable" };

function gatewayUrl(): string {
  return process.env.GATEWAY_URL ?? "http://127.0.0.1:8000";
}

/** Forwards the address of the visitor, so that rate limits and view counts are theirs. */
async function ask(path: string): Promise<Opened> {
  const visitor = await headers();
  const passed = ["x-forwarded-for", "user-agent"].flatMap((name) => (visitor.get(name) ? [[name, visitor.get(name) ?? ""]] : []));
  try {
    const response = await fetch(`${gatewayUrl()}${path}`, {
      cache: "no-store",
      headers: passed as [string, string][],
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) return { kind: "video", video: (await response.json()) as Visible };
    if (response.status === 401) return { kind: "password" };
    return { kind: response.status >= 500 || response.status === 429 ? "unavailable" : "gone" };
  } catch {
    return { kind: "unavailable" };
  }
}

export function openShare(token: string): Promise<Opened> {
  return ask(`/api/shared/${encodeURIComponent(token)}`);
}

export function openPublished(id: string): Promise<Opened> {
  return ask(`/api/gallery/${encodeURIComponent(id)}`);
}

/** The address under which the visitor sees this site. */
export async function siteOrigin(): Promise<string> {
  const visitor = await headers();
  const host = visitor.get("x-forwarded-host") ?? visitor.get("host") ?? "localhost";
  return `${visitor.get("x-forwarded-proto")?.split(",")[0] ?? "http"}://${host}`;
}
