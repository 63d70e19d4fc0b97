import { GeistSans } from "geist/font/sans";
import type { Metadata, Viewport } from "next";
import { cookies } from "next/headers";
import type { ReactNode } from "react";
import { loadCompiledMessages } from "@/lib/i18n/compiled";
import { loadMessages } from "@/lib/i18n/messages";
import { THEME_COOKIE, isTheme, type Theme } from "@/lib/theme";
import { Providers } from "@/lib/providers";
import { AppShell } from "./_shell/app-shell";
import { requestLocale } from "./request-locale";
import "./globals.css";

/** The colour of the ground, for the frame that browsers of phones draw around the page. */
const GROUND = { dark: "#0a0a10", light: "#f6f6f8" };

async function requestTheme(): Promise<Theme> {
  const stored = (await cookies()).get(THEME_COOKIE)?.value;
  return isTheme(stored) ? stored : "dark";
}

export async function generateViewport(): Promise<Viewport> {
  const theme = await requestTheme();
  const byScheme = (["light", "dark"] as const).map((scheme) => ({ media: `(prefers-color-scheme: ${scheme})`, color: GROUND[scheme] }));
  return { themeColor: theme === "system" ? byScheme : GROUND[theme], colorScheme: "dark light", width: "device-width", initialScale: 1 };
}

export async function generateMetadata(): Promise<Metadata> {
  const { common } = await loadMessages(await requestLocale());
  return { title: { default: common.appName, template: `%s · ${common.appName}` }, description: common.tagline };
}

export default async function RootLayout({ children, modal }: { children: ReactNode; modal?: ReactNode }) {
  const locale = await requestLocale();
  const theme = await requestTheme();
  return (
    <html lang={locale} data-theme={theme} className={GeistSans.variable} suppressHydrationWarning>
      <body>
        <Providers locale={locale} messages={await loadCompiledMessages(locale)}>
          <AppShell theme={theme}>{children}</AppShell>
          {modal}
        </Providers>
      </body>
    </html>
  );
}
