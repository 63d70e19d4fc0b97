"use client";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";
import { IntlProvider } from "use-intl";
import { ApiError } from "@/lib/api/errors";
import { session } from "@/lib/api/session";
import { followStorage } from "@/lib/follow-storage";
import { FORMATS } from "@/lib/i18n/formats";
import type { Locale } from "@/lib/i18n/locales";
import type { Messages } from "@/lib/i18n/messages";
import { usePreferences } from "@/lib/preferences";

const MAX_RETRIES = 2;
/** Times are shown in the browser only: what the server renders contains none. */
const TIME_ZONE = typeof window === "undefined" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone;

function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        // Without a network, a request fails at once and the page shows an error. By default it would wait, and show skeletons.
        networkMode: "always",
        refetchOnReconnect: true,
        // What the gateway refused stays refused; what did not arrive is tried again.
        retry: (failures, error) => failures < MAX_RETRIES && (!(error instanceof ApiError) || error.status >= 500),
      },
      mutations: { networkMode: "always" },
    },
  });
}

type Props = { locale: Locale; messages: Messages; children: ReactNode };

export function Providers({ locale, messages, children }: Props) {
  const [queries] = useState(createQueryClient);
  useEffect(() => followStorage(usePreferences), []);
  useEffect(() => {
    void session.restore();
    // Signing out removes all data from this tab.
    return session.subscribe(() => {
      if (session.status === "anonymous") queries.clear();
    });
  }, [queries]);
  return (
    <IntlProvider locale={locale} messages={messages} formats={FORMATS} timeZone={TIME_ZONE}>
      <QueryClientProvider client={queries}>{children}</QueryClientProvider>
    </IntlProvider>
  );
}
