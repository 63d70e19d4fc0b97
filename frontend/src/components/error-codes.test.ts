import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { toApiError } from "@/lib/api/errors";
import errors from "@/lib/i18n/messages/en/errors.json";

/** The codes without a message, because no page can cause them. */
const NOT_OF_PAGES = {
  bad_request: "the bodies and headers of the client are valid",
  invalid_json: "the client sends JSON",
  unsupported_media_type: "the client sends JSON",
  idempotency_key_reuse: "each key belongs to one request",
  scope_required: "of API keys",
  session_required: "of API keys",
  bad_key: "files are loaded by elements, which show no error of the gateway",
  link_refused: "as bad_key",
  object_missing: "as bad_key",
  range_not_satisfiable: "as bad_key",
  job_canceled: "the result is requested of jobs that have succeeded",
  job_failed: "as job_canceled",
  not_ready: "as job_canceled",
};

type Document = { paths: Record<string, Record<string, { responses?: Record<string, unknown> }>> };

/** The codes of all problems in the gateway's document. */
function codes(): string[] {
  const document = JSON.parse(readFileSync(path.resolve(import.meta.dirname, "../../openapi.json"), "utf8")) as Document;
  const responses = Object.values(document.paths).flatMap((methods) => Object.values(methods).map((method) => method.responses ?? {}));
  const enums = JSON.stringify(responses).matchAll(/"code":\{"enum":\[(.*?)\]/g);
  return [...new Set([...enums].flatMap((found) => JSON.parse(`[${found[1] ?? ""}]`) as string[]))].sort();
}

test("every problem that a page can cause has a message in the language of the page", () => {
  const found = codes();
  expect(found).toContain("quota_exceeded");
  const without = found.filter((code) => !(code in errors));
  expect(without).toEqual(Object.keys(NOT_OF_PAGES).sort());
});

test("so do a failure of the gateway, and an answer of a proxy that did not reach it", () => {
  const bad = new Response("<html>", { status: 502 });
  expect(errors).toMatchObject({ internal_error: expect.any(String) as string, [toApiError(bad, null).code]: expect.any(String) as string });
});
