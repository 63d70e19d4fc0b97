"use client";
import { useMutation } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { CircleUserRound, Keyboard, LogOut, Settings, ShieldCheck, SlidersHorizontal } from "lucide-react";
import { IconButton, buttonClass } from "@/components/button";
import { Menu, MenuItem, MenuLabel, MenuRadio, MenuSeparator } from "@/components/menu";
import { toast } from "@/components/toaster";
import { useErrorText } from "@/components/states";
import { logOut } from "@/features/auth/api";
import { useMe, useSession } from "@/features/auth/use-session";
import { setPreferenceCookie } from "@/lib/cookies";
import { LOCALES, useLocale, useTranslations, type Locale } from "@/lib/i18n";
import { LOCALE_COOKIE } from "@/lib/i18n/locales";
import { setTheme } from "@/lib/preferences";
import { THEMES, type Theme } from "@/lib/theme";

const THEME_KEYS = { dark: "themeDark", light: "themeLight", system: "themeSystem" } as const;

export function AccountMenu({ theme: initial, onShortcuts }: { theme: Theme; onShortcuts: () => void }) {
  const t = useTranslations("shell");
  const errorText = useErrorText();
  const router = useRouter();
  const locale = useLocale();
  const signedIn = useSession() === "signed-in";
  const me = useMe().data;
  const [theme, setShownTheme] = useState(initial);
  const leave = useMutation({
    mutationFn: logOut,
    onSuccess: () => router.push("/"),
    onError: (error) => toast(errorText(error), { tone: "danger" }),
  });
  const chooseTheme = (value: Theme) => {
    setTheme(value);
    setShownTheme(value);
  };
  const chooseLocale = (value: Locale) => {
    setPreferenceCookie(LOCALE_COOKIE, value);
    router.refresh();
  };
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
      <Menu
        trigger={
          <IconButton name={signedIn ? t("account") : t("settings")}>
            {signedIn ? <CircleUserRound aria-hidden /> : <SlidersHorizontal aria-hidden />}
          </IconButton>
        }
      >
        {me ? (
          <>
            <MenuLabel>{me.display_name || me.email}</MenuLabel>
            <MenuItem icon={<Settings aria-hidden />} onSelect={() => router.push("/settings")}>
              {t("settings")}
            </MenuItem>
            {me.role === "user" ? null : (
              <MenuItem icon={<ShieldCheck aria-hidden />} onSelect={() => router.push("/moderation")}>
                {t("moderation")}
              </MenuItem>
            )}
            {me.role === "admin" ? (
              <MenuItem icon={<SlidersHorizontal aria-hidden />} onSelect={() => router.push("/admin")}>
                {t("admin")}
              </MenuItem>
            ) : null}
          </>
        ) : null}
        <MenuItem icon={<Keyboard aria-hidden />} onSelect={onShortcuts}>
          {t("shortcuts")}
        </MenuItem>
        <MenuSeparator />
        <MenuRadio
          label={t("theme")}
          value={theme}
          onChange={chooseTheme}
          options={THEMES.map((value) => ({ value, label: t(THEME_KEYS[value]) }))}
        />
        <MenuRadio
          label={t("language")}
          value={locale}
          onChange={chooseLocale}
          options={LOCALES.map((value) => ({ value, label: t(`languages.${value}`) }))}
        />
        {signedIn ? (
          <>
            <MenuSeparator />
            <MenuItem icon={<LogOut aria-hidden />} onSelect={() => leave.mutate()}>
              {t("logOut")}
            </MenuItem>
          </>
        ) : null}
      </Menu>
    </div>
  );
}
