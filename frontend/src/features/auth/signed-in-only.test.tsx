import { fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "@/lib/api/session";
import { TestProviders, stubGateway, testQueries } from "@/test-providers";
import { SignedInOnly } from "./signed-in-only";

vi.mock("next/navigation", () => ({ usePathname: () => "/admin", useSearchParams: () => new URLSearchParams() }));

let isDown: boolean;
const down = () => Response.json({ code: "unavailable", title: "Unavailable", request_id: "0f3c9d2a" }, { status: 503 });

function show(role?: "admin"): void {
  render(
    <TestProviders queries={testQueries()}>
      <SignedInOnly role={role}>what is inside</SignedInOnly>
    </TestProviders>,
  );
}

beforeEach(() => {
  isDown = true;
  stubGateway(() => (isDown ? down() : { role: "admin" }));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** The server is there again. */
async function retry(): Promise<void> {
  await screen.findByText("0f3c9d2a");
  isDown = false;
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByText("what is inside");
}

test("a session that could not be restored is an error with another attempt, not a log-in", async () => {
  const { ApiError } = await import("@/lib/api/errors");
  let notify: () => void = () => undefined;
  const status = vi.spyOn(session, "status", "get").mockReturnValue("unreachable");
  vi.spyOn(session, "error", "get").mockReturnValue(new ApiError(503, "unavailable", "", null, "0f3c9d2a", [], null));
  vi.spyOn(session, "subscribe").mockImplementation((listener) => {
    notify = listener;
    return () => undefined;
  });
  vi.spyOn(session, "restore").mockImplementation(async () => {
    status.mockReturnValue("signed-in");
    notify();
  });
  show();
  expect(screen.queryByText("Log in to see this")).toBeNull();
  await retry();
});

test("an account that could not be read is an error, and no missing permission", async () => {
  session.signIn("token", 600);
  show("admin");
  await retry();
});
