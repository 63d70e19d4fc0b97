import { QueryClientProvider } from "@tanstack/react-query";
import { render, renderHook, screen } from "@testing-library/react";
import type { ReactNode } from "react";
import { IntlProvider } from "use-intl";
import { afterEach, expect, test, vi } from "vitest";
import de from "@/lib/i18n/messages/de";
import { stubGateway, testQueries } from "@/test-providers";
import { StorageSection } from "./storage-section";
import { useStageName } from "./use-stage-name";

afterEach(() => vi.unstubAllGlobals());

function German({ children }: { children: ReactNode }) {
  return (
    <IntlProvider locale="de" messages={de} timeZone="UTC">
      <QueryClientProvider client={testQueries()}>{children}</QueryClientProvider>
    </IntlProvider>
  );
}

test("stages have the names that the queue shows", () => {
  const { result } = renderHook(useStageName, { wrapper: German });
  expect(result.current("generate")).toBe(de.jobs.stages.generate);
  expect(result.current("of a later version")).toBe("of a later version");
  expect(result.current(null)).toBe("–");
});

test("what the garbage collection has removed is named", async () => {
  const none = { objects: 0, bytes: 0 };
  const removed = { "one-time tokens": 2, "API keys": 1200, "of a later version": 1 };
  stubGateway(() => ({ measured_at: "2026-01-02T03:04:05Z", collected_at: "2026-01-02T03:04:05Z", kinds: [], users: [], trash: none, deletable: none, removed }));
  render(<StorageSection />, { wrapper: German });
  const text = `${de.admin.removed.one_time_tokens}: 2 · ${de.admin.removed.api_keys}: 1.200 · of a later version: 1`;
  expect(await screen.findByText(text, { exact: false }, { interval: 5 })).toBeTruthy();
});
