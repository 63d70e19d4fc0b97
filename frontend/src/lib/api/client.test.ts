import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { authorizedFetch } from "./client";
import { session } from "./session";

const URL = "http://localhost/api/jobs";
const answers = vi.fn<(request: Request) => Promise<Response>>();
const lost = () => new Response("Internal Server Error", { status: 500 });
const sent = () => answers.mock.calls.map(([request]) => request.headers.get("authorization"));

beforeEach(() => {
  vi.stubGlobal("fetch", answers);
  answers.mockReset();
  answers.mockImplementation(async () => Response.json({}));
  session.signIn("first", 600);
});
afterEach(() => vi.unstubAllGlobals());

test("a request with a refused token is sent once more with another one", async () => {
  vi.spyOn(session, "token").mockImplementation(async (stale) => (stale ? "second" : "first"));
  answers.mockResolvedValueOnce(Response.json({}, { status: 401 }));
  expect((await authorizedFetch(new Request(URL))).status).toBe(200);
  expect(sent()).toHaveLength(2);
  vi.restoreAllMocks();
});

test("a lost answer is asked for once more where that is safe", async () => {
  answers.mockResolvedValueOnce(lost());
  expect((await authorizedFetch(new Request(URL))).status).toBe(200);
  answers.mockResolvedValueOnce(lost());
  const generate = new Request(URL, { method: "POST", body: "{}", headers: { "idempotency-key": "k" } });
  expect((await authorizedFetch(generate)).status).toBe(200);
  expect(sent()).toEqual(["Bearer first", "Bearer first", "Bearer first", "Bearer first"]);
});

test("other requests are not repeated, nor is one twice, nor what the gateway itself answers", async () => {
  answers.mockImplementation(async () => lost());
  expect((await authorizedFetch(new Request(URL, { method: "POST", body: "{}" }))).status).toBe(500);
  expect(sent()).toHaveLength(1);
  expect((await authorizedFetch(new Request(URL))).status).toBe(500);
  expect(sent()).toHaveLength(3);
  answers.mockImplementation(async () => Response.json({}, { status: 503, headers: { "content-type": "application/problem+json" } }));
  await authorizedFetch(new Request(URL));
  expect(sent()).toHaveLength(4);
});
