"use client";
import { useMutation } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useState, type ReactElement } from "react";
import { Keyboard, LogOut, Settings, ShieldCheck, SlidersHorizontal } from "lucide-react";
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

type Props = { theme: Theme; trigger: ReactElement; onShortcuts: () => void };

/** The open menu. Loaded when it is first opened: its library is a large part of the scripts of the first page. */
export default function AccountMenuContent({ theme: initial, trigger, onShortcuts }: Props) {
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
    <Menu
      trigger={trigger}
      defaultOpen
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
  );
}
