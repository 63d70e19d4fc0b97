// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
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

const unavailable = async () => Response.json({ code: "unavailable", request_id: "r1" }, { status: 503 });

/** A page of someone who signed in earlier, while the gateway does not answer. */
async function openUnreachable(failure: () => Promise<Response>) {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  localStorage.setItem("aura.signed-in", "1");
  fetches.mockImplementation(failure);
  await session.restore();
}

describe("a page that is opened while the gateway does not answer", () => {
  afterEach(() => {
    vi.clearAllTimers();
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  test.each([
    ["no network", () => Promise.reject(new TypeError("Failed to fetch")), { name: "TypeError" }],
    ["too many requests", async () => Response.json({}, { status: 429 }), { status: 429 }],
    ["a gateway that is down", unavailable, { status: 503, requestId: "r1" }],
  ])("%s: it is not known whether there is a session, and the cookie is kept", async (_, failure, error) => {
    await openUnreachable(failure);
    expect(session.status).toBe("unreachable");
    expect(session.error).toMatchObject(error);
    expect(localStorage.getItem("aura.signed-in")).toBe("1");
  });

  test("the session is restored after growing delays", async () => {
    await openUnreachable(unavailable);
    const asked: number[] = [];
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      await vi.advanceTimersByTimeAsync(seconds * 1000 - 1);
      asked.push(fetches.mock.calls.length);
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(asked).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    fetches.mockImplementation(async () => answer("t2"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect([session.status, await session.token()]).toEqual(["signed-in", "t2"]);
    expect(fetches).toHaveBeenCalledTimes(10);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(fetches).toHaveBeenCalledTimes(10);
  });

  test("the session is restored at once when the network is back", async () => {
    await openUnreachable(() => Promise.reject(new TypeError("Failed to fetch")));
    fetches.mockImplementation(async () => answer("t2"));
    dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(0);
    expect(session.status).toBe("signed-in");
  });

  test("a cookie that is refused later ends the session", async () => {
    await openUnreachable(unavailable);
    fetches.mockImplementation(async () => refused());
    await vi.advanceTimersByTimeAsync(2_000);
    expect(session.status).toBe("anonymous");
  });

  test("requests that need no session are sent without a token", async () => {
    await openUnreachable(unavailable);
    expect(await session.token()).toBeNull();
    expect(fetches).toHaveBeenCalledOnce();
  });
});
