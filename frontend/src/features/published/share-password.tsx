"use client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { AuthCard } from "@/features/auth/auth-card";
import { PasswordField } from "@/features/auth/password-field";
import { useTranslations } from "@/lib/i18n";
import { open } from "./api";
import { VisibleVideo } from "./visible-video";

/** A link with a password: the form, then the video. */
export function SharePassword({ token }: { token: string }) {
  const t = useTranslations("published");
  const [password, setPassword] = useState("");
  const entry = useMutation({ mutationFn: () => open({ share_token: token, password }) });
  if (entry.data) return <VisibleVideo source={{ share_token: token, password }} initial={entry.data} />;
  return (
    <AuthCard title={t("passwordTitle")} lead={t("passwordLead")} error={entry.error} onSubmit={() => entry.mutate()}>
      <PasswordField label={t("password")} autoComplete="off" value={password} onChange={(event) => setPassword(event.target.value)} />
      <Button type="submit" kind="primary" size="l" wide busy={entry.isPending} disabled={!password}>
        {t("watch")}
      </Button>
    </AuthCard>
  );
}
