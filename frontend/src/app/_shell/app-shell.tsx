"use client";
import Link from "next/link";
import { usePathname, useRouter } from "next/navigation";
import { Suspense, lazy, useEffect, type ReactNode } from "react";
import { LiveRegion } from "@/components/live-region";
import { Toaster } from "@/components/toaster";
import { useSession } from "@/features/auth/use-session";
import { goToPrompt } from "@/features/composer/focus-prompt";
import { useJobStore } from "@/features/jobs/store";
import { useTranslations } from "@/lib/i18n";
import { usePreferences } from "@/lib/preferences";
import type { Theme } from "@/lib/theme";
import { useOnline } from "@/lib/use-online";
import { useShortcuts } from "@/lib/use-shortcuts";
import { cx } from "@/lib/cx";
import { AccountMenu } from "./account-menu";
import { ConnectionBadge } from "./connection-badge";
import { HydrateDraft } from "./hydrate-draft";
import { Logo } from "./logo";
import { Navigation } from "./navigation";
import { useOnDemand } from "./use-on-demand";

// Shown after the first paint only. `lazy` is smaller than `next/dynamic`, which every page would load.
const loadCommands = () => import("./commands");
const loadHelp = () => import("./shortcut-help");
const Commands = lazy(loadCommands);
const Live = lazy(() => import("./live"));
const ShortcutHelp = lazy(loadHelp);

export function AppShell({ theme, children }: { theme: Theme; children: ReactNode }) {
  const t = useTranslations("common");
  const signedIn = useSession() === "signed-in";
  const transport = useJobStore((state) => state.transport);
  const online = useOnline();
  const motion = usePreferences((preferences) => preferences.motion);
  const help = useOnDemand(loadHelp);
  const commands = useOnDemand(loadCommands);
  const landing = usePathname() === "/";
  const router = useRouter();
  useShortcuts({ "?": help.show, "ctrl+k": commands.show, "/": () => goToPrompt(router.push) });
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
          landing ? "absolute bg-linear-to-b from-bg/75 to-transparent" : "sticky border-b border-border bg-bg",
        )}
      >
        <Link href="/" className="-ml-1 flex items-center gap-2 rounded-s p-1 font-semibold">
          <Logo className="size-6" />
          {t("appName")}
        </Link>
        <Navigation placement="header" />
        <div className="ml-auto flex items-center gap-1">
          <ConnectionBadge transport={signedIn ? transport : online ? "connecting" : "offline"} />
          <AccountMenu theme={theme} onShortcuts={help.show} />
        </div>
      </header>
      <main id="main" tabIndex={-1} className="pb-20 outline-none lg:pb-0">
        {children}
      </main>
      <Navigation placement="bottom" />
      <Toaster />
      <LiveRegion />
      <HydrateDraft />
      <Suspense>{signedIn ? <Live /> : null}</Suspense>
      <Suspense>{commands.shown ? <Commands onShortcuts={help.show} onClose={commands.hide} /> : null}</Suspense>
      <Suspense>{help.shown ? <ShortcutHelp onClose={help.hide} /> : null}</Suspense>
    </>
  );
}
