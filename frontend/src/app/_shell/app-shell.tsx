"use client";
import dynamic from "next/dynamic";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { useEffect, useState, type ReactNode } from "react";
import { LiveRegion } from "@/components/live-region";
import { Toaster } from "@/components/toaster";
import { useSession } from "@/features/auth/use-session";
import { useJobStore } from "@/features/jobs/store";
import { useTranslations } from "@/lib/i18n";
import { usePreferences } from "@/lib/preferences";
import type { Theme } from "@/lib/theme";
import { useShortcuts } from "@/lib/use-shortcuts";
import { cx } from "@/lib/cx";
import { AccountMenu } from "./account-menu";
import { ConnectionBadge } from "./connection-badge";
import { HydrateDraft } from "./hydrate-draft";
import { Logo } from "./logo";
import { Navigation } from "./navigation";

const Commands = dynamic(() => import("./commands"), { ssr: false });
const Live = dynamic(() => import("./live"), { ssr: false });
const ShortcutHelp = dynamic(() => import("./shortcut-help").then((module) => module.ShortcutHelp), { ssr: false });

export function AppShell({ theme, children }: { theme: Theme; children: ReactNode }) {
  const t = useTranslations("common");
  const signedIn = useSession() === "signed-in";
  const transport = useJobStore((state) => state.transport);
  const motion = usePreferences((preferences) => preferences.motion);
  const [help, setHelp] = useState(false);
  const [commands, setCommands] = useState(false);
  const landing = usePathname() === "/";
  useShortcuts({ "?": () => setHelp(true), "ctrl+k": () => setCommands(true) });
  useEffect(() => {
    document.documentElement.dataset.motion = motion ? "on" : "off";
  }, [motion]);
  return (
    <>
      <a href="#main" className="sr-only rounded-s bg-fg px-4 py-2 text-bg focus:not-sr-only focus:fixed focus:top-3 focus:left-3 focus:z-50">
        {t("skipToContent")}
      </a>
      <header
        className={cx(
          "top-0 z-40 flex h-14 w-full items-center gap-4 px-4 sm:px-6",
          landing ? "absolute" : "sticky border-b border-border bg-bg/90 backdrop-blur",
        )}
      >
        <Link href="/" className="-ml-1 flex items-center gap-2 rounded-s p-1 font-semibold">
          <Logo className="size-6" />
          {t("appName")}
        </Link>
        <Navigation placement="header" />
        <div className="ml-auto flex items-center gap-1">
          {signedIn ? <ConnectionBadge transport={transport} /> : null}
          <AccountMenu theme={theme} onShortcuts={() => setHelp(true)} />
        </div>
      </header>
      <main id="main" tabIndex={-1} className="pb-20 outline-none lg:pb-0">
        {children}
      </main>
      <Navigation placement="bottom" />
      <Toaster />
      <LiveRegion />
      {signedIn ? <Live /> : null}
      <HydrateDraft />
      {commands ? <Commands onShortcuts={() => setHelp(true)} onClose={() => setCommands(false)} /> : null}
      {help ? <ShortcutHelp onClose={() => setHelp(false)} /> : null}
    </>
  );
}
