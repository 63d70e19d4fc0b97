import { GeistSans } from "geist/font/sans";
import type { Metadata, Viewport } from "next";
import { cookies } from "next/headers";
import type { ReactNode } from "react";
import { loadMessages } from "@/lib/i18n/messages";
import { THEME_COOKIE, isTheme, type Theme } from "@/lib/theme";
import { Providers } from "@/lib/providers";
import { AppShell } from "./_shell/app-shell";
import { requestLocale } from "./request-locale";
import "./globals.css";

export const viewport: Viewport = { themeColor: "#0a0a10", colorScheme: "dark light", width: "device-width", initialScale: 1 };

export async function generateMetadata(): Promise<Metadata> {
  const { common } = await loadMessages(await requestLocale());
  return { title: { default: common.appName, template: `%s · ${common.appName}` }, description: common.tagline };
}

export default async function RootLayout({ children, modal }: { children: ReactNode; modal?: ReactNode }) {
  const locale = await requestLocale();
  const stored = (await cookies()).get(THEME_COOKIE)?.value;
  const theme: Theme = isTheme(stored) ? stored : "dark";
  return (
    <html lang={locale} data-theme={theme} className={GeistSans.variable} suppressHydrationWarning>
      <body>
        <Providers locale={locale} messages={await loadMessages(locale)}>
          <AppShell theme={theme}>{children}</AppShell>
          {modal}
        </Providers>
      </body>
    </html>
  );
}
