import { expect, test } from "vitest";
import { parseEvents } from "./server-events";

function parsed(...chunks: string[]): string[] {
  const events: string[] = [];
  chunks.reduce((rest, chunk) => parseEvents(rest + chunk, (data) => events.push(data)), "");
  return events;
}

test("events are cut at empty lines, wherever the chunks end", () => {
  expect(parsed('id: 1\nevent: a\ndata: {"x":1}\n\nid: 2\nda', 'ta: {"x":2}\n', "\n")).toEqual(['{"x":1}', '{"x":2}']);
});

test("comments that keep the connection open are no events", () => {
  expect(parsed(": keep-alive\n\n", "data: 1\n\n")).toEqual(["1"]);
});

test("an event that is not complete is not emitted", () => {
  expect(parsed("data: 1")).toEqual([]);
});
