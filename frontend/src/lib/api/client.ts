/** The one module that talks to the gateway. */
import createClient from "openapi-fetch";
import { toApiError } from "./errors";
import type { components, paths } from "./openapi.gen";
import { session } from "./session";

export type Schemas = components["schemas"];

/** An answer of the web server itself: it did not reach the gateway, or lost the connection before the gateway answered. */
function isLost(response: Response): boolean {
  return response.status >= 500 && !response.headers.get("content-type")?.includes("json");
}

function isRepeatable(request: Request): boolean {
  return request.method === "GET" || request.headers.has("idempotency-key");
}

/** Sends the access token. Once more with another one if it was refused, and if the answer was lost and a repetition is safe. */
export async function authorizedFetch(request: Request, retries = 1): Promise<Response> {
  const token = await session.token();
  const attempt = request.clone();
  if (token) attempt.headers.set("authorization", `Bearer ${token}`);
  const response = await fetch(attempt);
  if (retries === 0) return response;
  if (isLost(response) && isRepeatable(request)) return authorizedFetch(request, retries - 1);
  if (response.status !== 401 || !token) return response;
  const next = await session.token(token);
  return next ? authorizedFetch(request, retries - 1) : response;
}

export const api = createClient<paths>({
  // Absolute, because a Request needs it outside of browsers too.
  baseUrl: typeof location === "undefined" ? "http://localhost" : location.origin,
  fetch: (request) => authorizedFetch(request),
});

type Result<T> = { data?: T; error?: unknown; response: Response };

/** The body of an answer. Throws ApiError for a problem, and TypeError if the gateway was not reached. */
export async function unwrap<T>(request: Promise<Result<T>>): Promise<T> {
  const { data, error, response } = await request;
  if (!response.ok) throw toApiError(response, error);
  return data as T;
}
