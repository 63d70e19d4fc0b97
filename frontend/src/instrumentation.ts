import type { Socket } from "node:net";

/** Free connections to the gateway are closed by this server: the gateway closes its own after five seconds (IDLE_SECONDS). */
const MAX_IDLE_MS = 2000;

/**
 * Next.js calls this once before it serves. Its proxy keeps connections to the gateway for as long as the gateway does, so a
 * request could be sent on a connection that the gateway closes at that moment, and be answered with 500.
 */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { Agent } = await import("node:http");
  const { keepSocketAlive, reuseSocket } = Agent.prototype;
  Agent.prototype.keepSocketAlive = function (socket) {
    const kept = keepSocketAlive.call(this, socket);
    (socket as Socket).setTimeout(MAX_IDLE_MS);
    return kept;
  };
  Agent.prototype.reuseSocket = function (socket, request) {
    (socket as Socket).setTimeout(0);
    reuseSocket.call(this, socket, request);
  };
}
