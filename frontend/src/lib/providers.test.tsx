import { onlineManager, useMutation, useQuery } from "@tanstack/react-query";
import { act, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import en from "@/lib/i18n/messages/en";
import { usePreferences } from "@/lib/preferences";
import { Providers } from "./providers";

const offline = () => Promise.reject(new TypeError("Failed to fetch"));
const request = vi.fn<() => Promise<string>>();

beforeEach(() => {
  vi.useFakeTimers();
  onlineManager.setOnline(false);
  request.mockReset().mockImplementation(offline);
});
afterEach(() => {
  onlineManager.setOnline(true);
  vi.useRealTimers();
});

function Page() {
  const query = useQuery({ queryKey: ["page"], queryFn: request });
  const mutation = useMutation({ mutationFn: offline });
  return (
    <>
      <output>{`${query.status} ${query.data ?? ""}`}</output>
      <button type="button" onClick={() => mutation.mutate()}>
        {mutation.status}
      </button>
    </>
  );
}

test("without a network, requests fail and are made again when it is back", async () => {
  render(
    <Providers locale="en" messages={en}>
      <Page />
    </Providers>,
  );
  fireEvent.click(screen.getByRole("button"));
  await act(() => vi.advanceTimersByTimeAsync(20_000));
  expect([screen.getByRole("status").textContent, screen.getByRole("button").textContent]).toEqual(["error ", "error"]);

  request.mockResolvedValue("read again");
  await act(async () => {
    onlineManager.setOnline(true);
    await vi.advanceTimersByTimeAsync(1_000);
  });
  expect(screen.getByRole("status").textContent).toBe("success read again");
});

test("the preferences of another tab are taken over", () => {
  render(
    <Providers locale="en" messages={en}>
      {null}
    </Providers>,
  );
  localStorage.setItem("aura.preferences", JSON.stringify({ state: { singleKeys: false }, version: 0 }));
  act(() => void dispatchEvent(new StorageEvent("storage", { key: "aura.preferences" })));
  expect(usePreferences.getState().singleKeys).toBe(false);
  localStorage.clear();
});
