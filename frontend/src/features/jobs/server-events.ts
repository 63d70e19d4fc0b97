/** The events of one job as a stream, for networks that block WebSockets. */
import { authorizedFetch } from "@/lib/api/client";
import { toApiError } from "@/lib/api/errors";

/** Cuts a text stream into the data of its events. Returns the rest that is not complete. */
export function parseEvents(buffer: string, emit: (data: string) => void): string {
  const blocks = buffer.split("\n\n");
  const rest = blocks.pop() ?? "";
  for (const block of blocks) {
    const data = block
      .split("\n")
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(5).trimStart());
    if (data.length > 0) emit(data.join("\n"));
  }
  return rest;
}

/** Reads until the job has ended, the connection is lost or the signal aborts. EventSource cannot send a token. */
export async function readJobEvents(jobId: string, signal: AbortSignal, emit: (data: unknown) => void): Promise<void> {
  const url = new URL(`/api/jobs/${jobId}/events`, location.origin);
  const response = await authorizedFetch(new Request(url, { signal, headers: { accept: "text/event-stream" } }));
  if (!response.ok || !response.body) throw toApiError(response, null);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer = parseEvents(buffer + value, (data) => emit(JSON.parse(data)));
  }
}
