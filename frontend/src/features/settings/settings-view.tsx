"use client";
import type { ReactNode } from "react";
import { ErrorView, Skeleton } from "@/components/states";
import { useMe } from "@/features/auth/use-session";
import { useTranslations } from "@/lib/i18n";
import { AccountSection } from "./account-section";
import { DeviceSection } from "./device-section";
import { PasswordSection } from "./password-section";
import { ProfileSection } from "./profile-section";
import { SecondFactorSection } from "./second-factor-section";
import { SessionsSection } from "./sessions-section";

/** `access`: the sections of passkeys and keys, which are features of their own. */
export function SettingsView({ access }: { access?: ReactNode }) {
  const t = useTranslations("settings");
  const me = useMe();
  return (
    <>
      <h1 className="mb-6 text-l font-semibold">{t("title")}</h1>
      {me.isPending ? <Skeleton className="h-64" /> : null}
      {me.isError ? <ErrorView error={me.error} onRetry={() => void me.refetch()} /> : null}
      {me.data ? (
        <>
          <ProfileSection me={me.data} />
          <DeviceSection />
          <PasswordSection />
          <SecondFactorSection me={me.data} />
          {access}
          <SessionsSection />
          <AccountSection email={me.data.email} />
        </>
      ) : null}
    </>
  );
}
