import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { session as Session } from "./session";

const answer = (token: string, expires_in = 600) => Response.json({ access_token: token, expires_in });
const refused = () => Response.json({}, { status: 401 });
let fetches: ReturnType<typeof vi.fn<() => Promise<Response>>>;
let session: typeof Session;

beforeEach(async () => {
  localStorage.clear();
  vi.resetModules();
  vi.stubGlobal("BroadcastChannel", undefined);
  fetches = vi.fn(async () => answer("t1"));
  vi.stubGlobal("fetch", fetches);
  ({ session } = await import("./session"));
});
afterEach(() => vi.unstubAllGlobals());

test("a visitor who never signed in costs no request", async () => {
  await session.restore();
  expect(session.status).toBe("anonymous");
  expect(fetches).not.toHaveBeenCalled();
});

test("an earlier visit is restored with the cookie, and no token is stored", async () => {
  localStorage.setItem("aura.signed-in", "1");
  await session.restore();
  expect(session.status).toBe("signed-in");
  expect(await session.token()).toBe("t1");
  expect(JSON.stringify({ ...localStorage })).not.toContain("t1");
});

test("simultaneous requests share one refresh", async () => {
  session.signIn("old", 0);
  const tokens = await Promise.all([session.token(), session.token(), session.token()]);
  expect(tokens).toEqual(["t1", "t1", "t1"]);
  expect(fetches).toHaveBeenCalledOnce();
});

test("a token is renewed 30 s before it expires, a shorter one after half of its time", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  for (const [lifetime, used] of [[600, 570], [20, 10]] as const) {
    session.signIn("first", lifetime);
    vi.advanceTimersByTime(used * 1000 - 1);
    expect(await session.token()).toBe("first");
    vi.advanceTimersByTime(1);
    expect(await session.token()).toBe("t1");
  }
  vi.useRealTimers();
});

test("a token that was refused is replaced", async () => {
  session.signIn("revoked", 600);
  expect(await session.token()).toBe("revoked");
  expect(await session.token("revoked")).toBe("t1");
});

test("a second attempt follows a refusal, because another tab may have rotated the cookie", async () => {
  fetches.mockResolvedValueOnce(refused());
  session.signIn("old", 0);
  expect(await session.token()).toBe("t1");
  expect(session.status).toBe("signed-in");
});

test("a refused cookie ends the session", async () => {
  fetches.mockImplementation(async () => refused());
  session.signIn("old", 0);
  expect(await session.token()).toBeNull();
  expect(session.status).toBe("anonymous");
  expect(localStorage.getItem("aura.signed-in")).toBeNull();
});

test("without a network the session stays", async () => {
  fetches.mockRejectedValue(new TypeError("offline"));
  session.signIn("old", 0);
  await expect(session.token()).rejects.toThrow(TypeError);
  expect(session.status).toBe("signed-in");
});

test.each([
  ["no network", () => Promise.reject(new TypeError("Failed to fetch"))],
  ["too many requests", () => Promise.resolve(Response.json({}, { status: 429 }))],
])("%s when a page is loaded does not end the session for the next page", async (_, failure) => {
  localStorage.setItem("aura.signed-in", "1");
  fetches.mockImplementation(failure);
  await session.restore();
  expect(session.status).toBe("anonymous");
  vi.resetModules();
  fetches.mockImplementation(async () => answer("t2"));
  const next = (await import("./session")).session;
  await next.restore();
  expect([next.status, await next.token()]).toEqual(["signed-in", "t2"]);
});
