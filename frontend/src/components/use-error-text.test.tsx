import { act, render, renderHook, screen } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { ApiError } from "@/lib/api/errors";
import { TestProviders, testQueries } from "@/test-providers";
import { ErrorView } from "./error-view";
import { Toaster, toast } from "./toaster";
import { useErrorText } from "./use-error-text";

const ID = "0f3c9d2a";
const failed = (code: string) => new ApiError(500, code, "Internal server error.", null, ID, [], null);
const wrapper = ({ children }: { children: ReactNode }) => <TestProviders queries={testQueries()}>{children}</TestProviders>;
const textOf = (error: unknown) => renderHook(useErrorText, { wrapper }).result.current(error);

afterEach(() => vi.useRealTimers());

test("a text that asks for the request id has it, and no other text asks for it", () => {
  expect(textOf(failed("internal_error"))).toMatch(/pass on the request id 0f3c9d2a/);
  expect(textOf(failed("unavailable"))).not.toMatch(/request id/);
  expect(textOf(new Error("a bug of the page"))).not.toMatch(/request id/);
});

test("where the id is shown to be copied, it is shown once", () => {
  render(<ErrorView error={failed("internal_error")} />, { wrapper });
  expect(screen.getByRole("alert").textContent?.split(ID)).toHaveLength(2);
});

test("an error stays long enough to copy its id", async () => {
  vi.useFakeTimers();
  render(<Toaster />, { wrapper });
  act(() => toast("saved"));
  act(() => toast("failed", { tone: "danger" }));
  await act(() => vi.advanceTimersByTimeAsync(11_000));
  expect(screen.queryByText("saved")).toBeNull();
  expect(screen.getByText("failed")).toBeDefined();
  await act(() => vi.advanceTimersByTimeAsync(2_000));
  expect(screen.queryByText("failed")).toBeNull();
});
