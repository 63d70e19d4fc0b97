/**
 * The session of this browser. The access token lives in memory only; the refresh token is a cookie that scripts cannot
 * read. Tabs share one access token, because each use of the refresh cookie replaces it.
 */
import { toApiError } from "./errors";

/** `unreachable`: there may be a session, but the gateway did not answer when the page was opened. */
type Status = "unknown" | "unreachable" | "anonymous" | "signed-in";
type Access = { token: string; expiresAt: number; renewAt: number };
type Shared = ({ type: "token" } & Access) | { type: "signed-out" };

/** Whether a refresh cookie may exist: not a secret, it only spares visitors a request that is refused. */
const HINT = "aura.signed-in";
/** A token is renewed so long before it expires; one that expires sooner, after half of its time. */
const RENEW_BEFORE_MS = 30_000;
/** Another tab may have rotated the cookie a moment ago: the second attempt sends the new one. */
const SECOND_ATTEMPT_MS = 400;
/** The delay before the session is restored again doubles up to this. */
const MAX_RETRY_MS = 60_000;

let status: Status = "unknown";
let access: Access | null = null;
let refreshing: Promise<string | null> | null = null;
let unreachable: unknown = null;
let failures = 0;
let retry: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();
const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("aura.session");

function show(next: Status, value: Access | null): void {
  status = next;
  access = value;
  listeners.forEach((listener) => listener());
}

function set(next: Status, value: Access | null): void {
  try {
    if (next === "signed-in") localStorage.setItem(HINT, "1");
    else if (next === "anonymous") localStorage.removeItem(HINT);
  } catch {
    // Storage may be blocked: every visit then sends a request.
  }
  show(next, value);
}

if (channel) {
  channel.onmessage = ({ data }: MessageEvent<Shared>) => {
    if (data.type === "signed-out") set("anonymous", null);
    else if (!access || data.expiresAt > access.expiresAt) set("signed-in", data);
  };
}

function accept(token: string, expiresIn: number): string {
  const lifetime = expiresIn * 1000;
  const expiresAt = Date.now() + lifetime;
  const value = { token, expiresAt, renewAt: expiresAt - Math.min(RENEW_BEFORE_MS, lifetime / 2) };
  set("signed-in", value);
  channel?.postMessage({ type: "token", ...value } satisfies Shared);
  return token;
}

async function exclusively<T>(work: () => Promise<T>): Promise<T> {
  return "locks" in navigator ? navigator.locks.request("aura.refresh", work) : work();
}

/** `null`: the cookie is refused. Throws TypeError without a network, ApiError for 429 and 5xx, and leaves the session as it is. */
async function requestToken(attempts = 2): Promise<string | null> {
  const response = await fetch("/api/auth/refresh", { method: "POST" });
  if (response.ok) {
    const body = (await response.json()) as { access_token: string; expires_in: number };
    return accept(body.access_token, body.expires_in);
  }
  if (response.status >= 500 || response.status === 429) throw toApiError(response, await response.json().catch(() => null));
  if (attempts <= 1) return null;
  await new Promise((resolve) => setTimeout(resolve, SECOND_ATTEMPT_MS));
  return requestToken(attempts - 1);
}

async function refresh(stale: string | null): Promise<string | null> {
  refreshing ??= exclusively(async () => {
    // Another tab may have refreshed while this one waited for the lock.
    if (access && access.token !== stale && access.renewAt > Date.now()) return access.token;
    const token = await requestToken();
    if (token === null) set("anonymous", null);
    return token;
  }).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

function mayBeSignedIn(): boolean {
  try {
    return localStorage.getItem(HINT) !== null;
  } catch {
    return true;
  }
}

const restore = (): void => void session.restore();

/** The cookie is still good: the session is restored when the gateway answers. */
function fail(error: unknown): void {
  if (status === "unknown") {
    unreachable = error;
    show("unreachable", null);
    addEventListener("online", restore);
  }
  if (status !== "unreachable") return;
  clearTimeout(retry);
  retry = setTimeout(restore, Math.min(MAX_RETRY_MS, 1000 * 2 ** failures) * (0.5 + Math.random() / 2));
  failures += 1;
}

export const session = {
  get status(): Status {
    return status;
  },
  /** Why the status is `unreachable`. */
  get error(): unknown {
    return unreachable;
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** Signs in again with the cookie of an earlier visit. */
  async restore(): Promise<void> {
    if (status !== "unknown" && status !== "unreachable") return;
    if (!mayBeSignedIn()) return set("anonymous", null);
    await refresh(null).catch(fail);
  },
  signIn: accept,
  signOut(): void {
    set("anonymous", null);
    channel?.postMessage({ type: "signed-out" } satisfies Shared);
  },
  /** A valid access token, refreshed if it expires soon or was refused (`stale`); null without a session. */
  async token(stale: string | null = null): Promise<string | null> {
    // Before the earlier visit is restored, visitors who never signed in cost no request either.
    if (status === "anonymous" || (status === "unknown" && !mayBeSignedIn())) return null;
    // Public requests and the log-in need no session, and do not wait for it.
    if (status === "unreachable") return null;
    const fresh = access && access.token !== stale && access.renewAt > Date.now();
    return fresh && access ? access.token : refresh(stale ?? access?.token ?? null);
  },
};
