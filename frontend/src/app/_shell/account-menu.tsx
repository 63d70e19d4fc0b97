"use client";
import Link from "next/link";
import { Suspense, lazy } from "react";
import { CircleUserRound, SlidersHorizontal } from "lucide-react";
import { IconButton, buttonClass } from "@/components/button";
import { useSession } from "@/features/auth/use-session";
import { useTranslations } from "@/lib/i18n";
import type { Theme } from "@/lib/theme";
import { useOnDemand } from "./use-on-demand";

const loadContent = () => import("./account-menu-content");
const AccountMenuContent = lazy(loadContent);

export function AccountMenu({ theme, onShortcuts }: { theme: Theme; onShortcuts: () => void }) {
  const t = useTranslations("shell");
  const signedIn = useSession() === "signed-in";
  const content = useOnDemand(loadContent);
  const look = {
    name: signedIn ? t("account") : t("settings"),
    children: signedIn ? <CircleUserRound aria-hidden /> : <SlidersHorizontal aria-hidden />,
  };
  const prefetch = () => void loadContent().catch(() => undefined);
  // The button stays until the menu is there, so that nothing moves.
  const button = <IconButton {...look} aria-haspopup="menu" aria-expanded={false} onPointerEnter={prefetch} onClick={content.show} />;
  return (
    <div className="flex items-center gap-1">
      {signedIn ? null : (
        <>
          <Link href="/login" className={`${buttonClass({ kind: "quiet", size: "s" })} text-fg!`}>
            {t("logIn")}
          </Link>
          <Link href="/register" className={`${buttonClass({ size: "s" })} max-sm:hidden`}>
            {t("createAccount")}
          </Link>
        </>
      )}
      {content.shown ? (
        <Suspense fallback={button}>
          <AccountMenuContent theme={theme} trigger={<IconButton {...look} />} onShortcuts={onShortcuts} />
        </Suspense>
      ) : (
        button
      )}
    </div>
  );
}
