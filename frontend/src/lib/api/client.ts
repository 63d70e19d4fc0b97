/** The one module that talks to the gateway. */
import createClient from "openapi-fetch";
import { toApiError } from "./errors";
import type { components, paths } from "./openapi.gen";
import { session } from "./session";

export type Schemas = components["schemas"];

/** Sends the access token, and once more with a new one if it was refused. */
export async function authorizedFetch(request: Request, retries = 1): Promise<Response> {
  const token = await session.token();
  const attempt = request.clone();
  if (token) attempt.headers.set("authorization", `Bearer ${token}`);
  const response = await fetch(attempt);
  if (response.status !== 401 || !token || retries === 0) return response;
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
