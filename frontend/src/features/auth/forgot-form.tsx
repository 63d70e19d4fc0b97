"use client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { TextField } from "@/components/field";
import { useTranslations } from "@/lib/i18n";
import { forgotPassword } from "./api";
import { AuthCard } from "./auth-card";

export function ForgotForm() {
  const t = useTranslations("auth");
  const [email, setEmail] = useState("");
  const send = useMutation({ mutationFn: () => forgotPassword(email) });
  if (send.isSuccess) return <AuthCard title={t("checkMailTitle")} lead={t("checkMail", { email })}>{null}</AuthCard>;
  return (
    <AuthCard title={t("forgotTitle")} lead={t("forgotLead")} error={send.error} onSubmit={() => send.mutate()}>
      <TextField label={t("email")} type="email" autoComplete="username" required value={email} onChange={(event) => setEmail(event.target.value)} />
      <Button type="submit" kind="primary" size="l" wide busy={send.isPending}>
        {t("sendLink")}
      </Button>
    </AuthCard>
  );
}
