"use client";
import dynamic from "next/dynamic";
import Link from "next/link";
import { useState } from "react";
import { CircleUserRound, SlidersHorizontal } from "lucide-react";
import { IconButton, buttonClass } from "@/components/button";
import { useSession } from "@/features/auth/use-session";
import { useTranslations } from "@/lib/i18n";
import type { Theme } from "@/lib/theme";

const loadContent = () => import("./account-menu-content");
const AccountMenuContent = dynamic(loadContent, { ssr: false });

export function AccountMenu({ theme, onShortcuts }: { theme: Theme; onShortcuts: () => void }) {
  const t = useTranslations("shell");
  const signedIn = useSession() === "signed-in";
  const [content, setContent] = useState(false);
  const look = {
    name: signedIn ? t("account") : t("settings"),
    children: signedIn ? <CircleUserRound aria-hidden /> : <SlidersHorizontal aria-hidden />,
  };
  // The button stays until the menu is there, so that nothing moves.
  const open = () => void loadContent().then(() => setContent(true));
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
      {content ? (
        <AccountMenuContent theme={theme} trigger={<IconButton {...look} />} onShortcuts={onShortcuts} />
      ) : (
        <IconButton {...look} aria-haspopup="menu" aria-expanded={false} onPointerEnter={() => void loadContent()} onClick={open} />
      )}
    </div>
  );
}
