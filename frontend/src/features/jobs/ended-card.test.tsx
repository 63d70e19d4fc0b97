import { fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TestProviders, stubGateway, testQueries } from "@/test-providers";
import { job } from "@/test-samples";
import { EndedCard } from "./ended-card";
import type { Job } from "./job";

let answer: () => unknown;
const problem = (status: number, code: string) => () => Response.json({ code, title: code }, { status });
const RESULT = { url: "/v.mp4", expires_at: "", outputs: [{ kind: "video", url: "/v.mp4", content_type: "video/mp4" }], resolved: {}, warnings: [] };

function show(change: Partial<Job>): void {
  render(
    <TestProviders queries={testQueries()}>
      <EndedCard job={job("j1", change)} />
    </TestProviders>,
  );
}

beforeEach(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: vi.fn(), removeEventListener: vi.fn() }));
  stubGateway(() => answer());
});
afterEach(() => vi.unstubAllGlobals());

test("a video whose files were deleted says so, and offers no other attempt", async () => {
  answer = problem(410, "result_gone");
  show({ status: "succeeded" });
  await screen.findByText("The files of this video were deleted.");
  expect(screen.queryByRole("button", { name: "Try again" })).toBeNull();
});

test("a result that could not be read is read again", async () => {
  answer = problem(503, "unavailable");
  show({ status: "succeeded" });
  await screen.findByText("A part of the server is down. Try again in a moment.");
  answer = () => RESULT;
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByRole("button", { name: "Play: a red circle" });
});

test.each(["internal_error", "not_known_here"])("%s: the id of the job is there to pass on", (code) => {
  show({ status: "failed", error: { code, stage: null, message: "" } });
  expect(screen.getByText(/pass on the job id/)).toBeDefined();
  expect(screen.getByLabelText<HTMLInputElement>("Job id").value).toBe("j1");
});

test("an error that asks for no id shows none", () => {
  show({ status: "failed", error: { code: "out_of_memory", stage: null, message: "" } });
  expect(screen.queryByLabelText("Job id")).toBeNull();
});
