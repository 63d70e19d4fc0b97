/**
 * Keeps the jobs of the signed-in person current: a snapshot by REST, then the WebSocket; if it cannot be opened, an
 * event stream for each open job; if that fails too, polling. The WebSocket is tried again meanwhile.
 */
import type { Message } from "@/lib/api/events.gen";

export type Transport = "connecting" | "live" | "reconnecting" | "sse" | "polling" | "offline";

export type Backend = {
  /** An access token; with `stale`, another one. Null: signed out. */
  token: (stale?: string) => Promise<string | null>;
  openSocket: () => WebSocket;
  /** Fetches the jobs and hands them on. */
  fetchJobs: () => Promise<void>;
  openJobIds: () => string[];
  readEvents: (jobId: string, signal: AbortSignal, emit: (message: unknown) => void) => Promise<void>;
  onMessage: (message: Message) => void;
  onTransport: (transport: Transport) => void;
};

/** After so many attempts without a `hello`, the network is assumed to block WebSockets. */
const ATTEMPTS_BEFORE_FALLBACK = 3;
const FALLBACK_MS = 30_000;
const POLL_MS = 3_000;
/** New jobs of other devices are found by polling while the events of known ones are streamed. */
const STREAM_POLL_MS = 10_000;
const MAX_STREAMS = 4;
const MAX_BACKOFF_MS = 15_000;
const OPEN_TIMEOUT_MS = 8_000;
const UNAUTHENTICATED = 4401;

export class LiveConnection {
  private stopped = new AbortController();
  private wake: (() => void) | null = null;
  private socket: WebSocket | null = null;

  constructor(private readonly backend: Backend) {}

  start(): void {
    void this.run();
  }

  stop(): void {
    this.stopped.abort();
    this.wake?.();
  }

  /** Try again at once: the network is back, or the page is visible again. */
  retryNow = (): void => this.wake?.();

  /** The network is gone. A socket may not notice for minutes, and would then be late. */
  interrupt = (): void => this.socket?.close();

  private async run(): Promise<void> {
    this.backend.onTransport("connecting");
    await this.fetchQuietly();
    let failures = 0;
    while (!this.stopped.signal.aborted) {
      const token = await this.backend.token().catch(() => undefined);
      if (token === null) return;
      const opened = token === undefined ? false : await this.socketOnce(token);
      if (this.stopped.signal.aborted) return;
      failures = opened ? 1 : failures + 1;
      if (failures >= ATTEMPTS_BEFORE_FALLBACK && navigator.onLine) {
        await this.fallback();
      } else {
        this.backend.onTransport(navigator.onLine ? "reconnecting" : "offline");
        await this.sleep(backoff(failures));
      }
    }
  }

  /** One connection from its start to its end. Whether it was accepted. */
  private socketOnce(token: string): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = this.backend.openSocket();
      this.socket = socket;
      const state = { token, seq: 0, silence: setTimeout(() => socket.close(), OPEN_TIMEOUT_MS), pingMs: OPEN_TIMEOUT_MS };
      const stop = () => socket.close();
      this.stopped.signal.addEventListener("abort", stop);
      socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token }));
      socket.onmessage = ({ data }: MessageEvent<string>) => {
        const message = JSON.parse(data) as Message;
        state.seq += 1;
        // A lost message: only a new snapshot is complete.
        if (message.seq !== state.seq) return socket.close();
        if (message.type === "hello") state.pingMs = message.data.ping_seconds * 2500;
        clearTimeout(state.silence);
        state.silence = setTimeout(() => socket.close(), state.pingMs);
        this.receive(message, socket, state);
      };
      socket.onclose = ({ code }) => {
        clearTimeout(state.silence);
        this.stopped.signal.removeEventListener("abort", stop);
        const done = () => resolve(state.seq > 0);
        // Refused: request another token, or find that the session has ended.
        if (code === UNAUTHENTICATED) this.backend.token(state.token).then(done, done);
        else done();
      };
    });
  }

  private receive(message: Message, socket: WebSocket, state: { token: string }): void {
    if (message.type === "snapshot") this.backend.onTransport("live");
    if (message.type !== "error") this.backend.onMessage(message);
    // Jobs were left out to keep the message small, and may have changed since they were read.
    if (message.type === "snapshot" && !message.data.complete) void this.fetchQuietly();
    if (message.type !== "error") return;
    void this.backend.token(state.token).then((token) => {
      if (!token || socket.readyState !== WebSocket.OPEN) return;
      state.token = token;
      socket.send(JSON.stringify({ type: "auth", token }));
    });
  }

  /** Streams or polls for a while; then the WebSocket is tried again. */
  private async fallback(): Promise<void> {
    const streams = new Map<string, AbortController>();
    let streaming = true;
    let wasReached = true;
    const until = Date.now() + FALLBACK_MS;
    while (Date.now() < until && !this.stopped.signal.aborted) {
      const reached = await this.fetchQuietly();
      // It was the gateway that was down, not the network that blocks WebSockets.
      if (reached && !wasReached) break;
      wasReached = reached;
      if (reached && streaming) this.openStreams(streams, () => (streaming = false));
      this.backend.onTransport(!reached ? "reconnecting" : streaming ? "sse" : "polling");
      await this.sleep(reached && streaming ? STREAM_POLL_MS : POLL_MS);
    }
    streams.forEach((stream) => stream.abort());
  }

  private openStreams(streams: Map<string, AbortController>, onRefused: () => void): void {
    for (const id of this.backend.openJobIds().slice(0, MAX_STREAMS)) {
      if (streams.has(id)) continue;
      const stream = new AbortController();
      streams.set(id, stream);
      const signal = AbortSignal.any([stream.signal, this.stopped.signal]);
      this.backend
        .readEvents(id, signal, (message) => this.backend.onMessage(message as Message))
        .then(() => streams.delete(id))
        .catch(() => {
          if (signal.aborted) return;
          onRefused();
          this.wake?.();
        });
    }
  }

  private async fetchQuietly(): Promise<boolean> {
    return this.backend.fetchJobs().then(
      () => true,
      () => false,
    );
  }

  private async sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = null;
  }
}

/** Doubles with each failure, with jitter, so that the clients of a restarted gateway do not come back together. */
export function backoff(failures: number, random: () => number = Math.random): number {
  return Math.min(MAX_BACKOFF_MS, 500 * 2 ** Math.max(0, failures - 1)) * (0.5 + random() / 2);
}
