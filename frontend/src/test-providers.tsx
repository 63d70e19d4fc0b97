import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { IntlProvider } from "use-intl";
import { vi } from "vitest";
import en from "@/lib/i18n/messages/en";

export function testQueries(): QueryClient {
  return new QueryClient({ defaultOptions: { queries: { retry: false } } });
}

/** What the pages are inside of, for tests of components and hooks. */
export function TestProviders({ queries, children }: { queries: QueryClient; children: ReactNode }) {
  return (
    <IntlProvider locale="en" messages={en} timeZone="UTC">
      <QueryClientProvider client={queries}>{children}</QueryClientProvider>
    </IntlProvider>
  );
}

export type Asked = { method: string; path: string; query: URLSearchParams; body: unknown };

/** Answers the requests of the page, and keeps them. An answer is a JSON value or a Response, or a promise of one. */
export function stubGateway(answer: (asked: Asked) => unknown): Asked[] {
  const requests: Asked[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const url = new URL(request.url);
    const text = await request.text();
    const asked = { method: request.method, path: url.pathname, query: url.searchParams, body: text ? (JSON.parse(text) as unknown) : null };
    requests.push(asked);
    const value = await answer(asked);
    return value instanceof Response ? value : Response.json(value);
  });
  return requests;
}
