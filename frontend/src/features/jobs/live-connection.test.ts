// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LiveConnection, backoff, type Backend, type Transport } from "./live-connection";

class FakeSocket {
  static opened: FakeSocket[] = [];
  readyState: number = WebSocket.CONNECTING;
  sent: unknown[] = [];
  onopen?: () => void;
  onmessage?: (event: { data: string }) => void;
  onclose?: (event: { code: number }) => void;
  private seq = 0;
  constructor() {
    FakeSocket.opened.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close(code = 1006) {
    if (this.readyState === WebSocket.CLOSED) return;
    this.readyState = WebSocket.CLOSED;
    this.onclose?.({ code });
  }
  accept() {
    this.readyState = WebSocket.OPEN;
    this.onopen?.();
    this.receive("hello", { ping_seconds: 20 });
    this.receive("snapshot", { jobs: [], complete: true });
  }
  receive(type: string, data: unknown, skipped = 0) {
    this.seq += 1 + skipped;
    this.onmessage?.({ data: JSON.stringify({ type, seq: this.seq, data }) });
  }
}

function start(change: Partial<Backend> = {}) {
  const transports: Transport[] = [];
  const tokens = { current: "first" };
  const backend: Backend = {
    token: vi.fn(async (stale?: string) => (stale === tokens.current ? (tokens.current = "second") : tokens.current)),
    openSocket: () => new FakeSocket() as unknown as WebSocket,
    fetchJobs: vi.fn(async () => undefined),
    openJobIds: () => ["j1"],
    readEvents: vi.fn(() => new Promise<void>(() => undefined)),
    onMessage: vi.fn(),
    onTransport: (transport) => transports.push(transport),
    ...change,
  };
  const connection = new LiveConnection(backend);
  connection.start();
  return { backend, transports, connection };
}

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
const newest = () => FakeSocket.opened.at(-1) as FakeSocket;

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.opened = [];
});
afterEach(() => vi.useRealTimers());

describe("the WebSocket", () => {
  test("is opened after the snapshot by REST, and signs in with its first message", async () => {
    const { backend, transports } = start();
    await settle();
    expect(backend.fetchJobs).toHaveBeenCalledOnce();
    newest().accept();
    expect(newest().sent).toEqual([{ type: "auth", token: "first" }]);
    expect(transports).toEqual(["connecting", "live"]);
  });

  test("gets the jobs by REST again if its snapshot leaves some out", async () => {
    const { backend } = start();
    await settle();
    newest().accept();
    expect(backend.fetchJobs).toHaveBeenCalledOnce();
    newest().receive("snapshot", { jobs: [], complete: false });
    expect(backend.fetchJobs).toHaveBeenCalledTimes(2);
  });

  test("is opened again after a loss, with a delay", async () => {
    const { transports } = start();
    await settle();
    newest().accept();
    newest().close();
    await settle();
    expect(transports.at(-1)).toBe("reconnecting");
    expect(FakeSocket.opened).toHaveLength(1);
    await settle(600);
    expect(FakeSocket.opened).toHaveLength(2);
    newest().accept();
    expect(transports.at(-1)).toBe("live");
  });

  test("is given up when the network is gone, and opened again at once when it is back", async () => {
    const { connection, transports } = start();
    await settle();
    newest().accept();
    connection.interrupt();
    await settle();
    expect(transports.at(-1)).toBe("reconnecting");
    connection.retryNow();
    await settle();
    expect(FakeSocket.opened).toHaveLength(2);
  });

  test("is closed when a message is missing, because only a new snapshot is complete", async () => {
    const { backend } = start();
    await settle();
    newest().accept();
    newest().receive("job.status", {}, 1);
    expect(newest().readyState).toBe(WebSocket.CLOSED);
    expect(backend.onMessage).toHaveBeenCalledTimes(2);
  });

  test("is closed when the gateway is silent for longer than two pings", async () => {
    start();
    await settle();
    newest().accept();
    await settle(49_000);
    expect(newest().readyState).toBe(WebSocket.OPEN);
    await settle(2_000);
    expect(FakeSocket.opened[0]?.readyState).toBe(WebSocket.CLOSED);
  });

  test("gets a new token before the old one expires", async () => {
    start();
    await settle();
    newest().accept();
    newest().receive("error", { code: "reauthenticate" });
    await settle();
    expect(newest().sent.at(-1)).toEqual({ type: "auth", token: "second" });
  });

  test("is not opened again by someone who has signed out", async () => {
    start({ token: vi.fn(async () => null) });
    await settle(60_000);
    expect(FakeSocket.opened).toHaveLength(0);
  });
});

async function blockSockets(times: number) {
  for (let index = 0; index < times; index += 1) {
    newest().close();
    await settle(2_000);
  }
}

describe("a network that blocks WebSockets", () => {
  test("gets event streams", async () => {
    const { backend, transports } = start();
    await settle();
    await blockSockets(3);
    expect(transports.at(-1)).toBe("sse");
    expect(backend.readEvents).toHaveBeenCalledWith("j1", expect.anything(), expect.anything());
  });

  test("that blocks event streams too is polled every three seconds", async () => {
    const fetchJobs = vi.fn(async () => undefined);
    const { transports } = start({ fetchJobs, readEvents: vi.fn(async () => Promise.reject(new TypeError("blocked"))) });
    await settle();
    await blockSockets(3);
    expect(transports.at(-1)).toBe("polling");
    const before = fetchJobs.mock.calls.length;
    await settle(9_000);
    expect(fetchJobs.mock.calls.length - before).toBe(3);
  });

  test("gets the WebSocket as soon as it works", async () => {
    const { transports } = start();
    await settle();
    await blockSockets(3);
    const attempts = FakeSocket.opened.length;
    await settle(45_000);
    expect(FakeSocket.opened.length).toBeGreaterThan(attempts);
    newest().accept();
    expect(transports.at(-1)).toBe("live");
  });
});

test("a gateway that was down gets a WebSocket as soon as it answers", async () => {
  const fetchJobs = vi.fn(async () => Promise.reject(new TypeError("down")));
  const { backend, transports } = start({ fetchJobs });
  await settle();
  await blockSockets(3);
  await settle(5_000);
  expect(transports.at(-1)).toBe("reconnecting");
  expect(backend.readEvents).not.toHaveBeenCalled();
  const attempts = FakeSocket.opened.length;
  fetchJobs.mockImplementation(async () => undefined as never);
  await settle(3_000);
  expect(FakeSocket.opened.length).toBe(attempts + 1);
  newest().accept();
  expect(transports.at(-1)).toBe("live");
});

test("the delay doubles up to a limit, with jitter", () => {
  expect([1, 2, 3].map((failures) => backoff(failures, () => 1))).toEqual([500, 1000, 2000]);
  expect(backoff(20, () => 1)).toBe(15_000);
  expect(backoff(20, () => 0)).toBe(7_500);
});

test("what is stopped stays stopped", async () => {
  const { connection } = start();
  await settle();
  newest().accept();
  connection.stop();
  await settle(60_000);
  expect(FakeSocket.opened).toHaveLength(1);
  expect(newest().readyState).toBe(WebSocket.CLOSED);
});
