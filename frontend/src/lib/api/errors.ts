import type { components } from "./openapi.gen";

export type Problem = components["schemas"]["ProblemBody"];

/** An answer of the gateway that is not 2xx. `code` is stable; texts for people are messages of the web app. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string | null,
    readonly requestId: string | null,
    readonly fields: { pointer?: string | null; detail: string }[],
    readonly retryAfterSeconds: number | null,
  ) {
    super(detail ?? title);
    this.name = "ApiError";
  }

  /** The gateway's words about one field of the request body. */
  field(name: string): string | null {
    return this.fields.find((field) => field.pointer?.split("/")[1] === name)?.detail ?? null;
  }
}

/** An answer without a problem of the gateway is one of a proxy, which did not reach the gateway if its status is 5xx. */
export function toApiError(response: Response, body: unknown): ApiError {
  const problem: Partial<Problem> = typeof body === "object" && body !== null ? body : {};
  const code = response.status >= 500 ? "unavailable" : `http_${response.status}`;
  const retryAfter = Number(response.headers.get("retry-after"));
  return new ApiError(
    response.status,
    problem.code ?? code,
    problem.title ?? response.statusText,
    problem.detail ?? null,
    problem.request_id ?? response.headers.get("x-request-id"),
    problem.errors ?? [],
    retryAfter > 0 ? retryAfter : null,
  );
}

/** Whether the request never reached the gateway. */
export function isOffline(error: unknown): boolean {
  return error instanceof TypeError;
}
