import { expect, test } from "vitest";
import { toApiError } from "./errors";

const answer = (status: number, headers = {}) => new Response(null, { status, statusText: "Internal Server Error", headers });

test("a problem of the gateway keeps its code, its fields and its request id", () => {
  const body = { code: "queue_full", title: "Queue full", request_id: "0192", errors: [{ pointer: "/prompt", detail: "too long" }] };
  const error = toApiError(answer(429, { "retry-after": "7" }), body);
  expect(error).toMatchObject({ status: 429, code: "queue_full", requestId: "0192", retryAfterSeconds: 7 });
  expect(error.field("prompt")).toBe("too long");
});

test("an answer of a proxy that did not reach the gateway has words of the web app", () => {
  expect(toApiError(answer(500), "Internal Server Error").code).toBe("unavailable");
  expect(toApiError(answer(502), undefined).code).toBe("unavailable");
  expect(toApiError(answer(413), undefined).code).toBe("http_413");
});
