"use client";
import { useMutation } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter, useSearchParams } from "next/navigation";
import { useState } from "react";
import { Button } from "@/components/button";
import { TextField } from "@/components/field";
import { ApiError } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { register } from "./api";
import { AuthCard } from "./auth-card";
import { COMPOSER, safeNext } from "./next";
import { PasswordField } from "./password-field";

export function RegisterForm() {
  const t = useTranslations("auth");
  const router = useRouter();
  const params = useSearchParams();
  const next = params.get("next");
  const [form, setForm] = useState({ email: "", password: "", invitation: params.get("invitation") ?? "" });
  const create = useMutation({
    mutationFn: () => register(form),
    onSuccess: (ready) => ready && router.replace(safeNext(next)),
  });
  const field = (name: string) => (create.error instanceof ApiError ? create.error.field(name) : null);
  const asksForInvitation = Boolean(form.invitation) || (create.error instanceof ApiError && create.error.code === "invitation_refused");
  const [invited, setInvited] = useState(asksForInvitation);
  if (asksForInvitation && !invited) setInvited(true);
  if (create.data === false) return <AuthCard title={t("checkMailTitle")} lead={t("checkMail", { email: form.email })}>{null}</AuthCard>;
  return (
    <AuthCard
      title={t("registerTitle")}
      lead={next === COMPOSER ? t("draftKept") : t("registerLead")}
      error={field("email") || field("password") ? null : create.error}
      onSubmit={() => create.mutate()}
      footer={
        <>
          {t("haveAccount")}{" "}
          <Link className="text-fg underline underline-offset-4" href={next ? `/login?next=${encodeURIComponent(next)}` : "/login"}>
            {t("logIn")}
          </Link>
        </>
      }
    >
      <TextField
        label={t("email")}
        type="email"
        autoComplete="username"
        required
        error={field("email")}
        value={form.email}
        onChange={(event) => setForm({ ...form, email: event.target.value })}
      />
      <PasswordField
        label={t("password")}
        help={t("passwordHelp")}
        error={field("password")}
        autoComplete="new-password"
        required
        value={form.password}
        onChange={(event) => setForm({ ...form, password: event.target.value })}
      />
      {invited ? (
        <TextField
          label={t("invitation")}
          help={t("invitationHelp")}
          value={form.invitation}
          onChange={(event) => setForm({ ...form, invitation: event.target.value })}
        />
      ) : null}
      <Button type="submit" kind="primary" size="l" wide busy={create.isPending}>
        {t("createAccount")}
      </Button>
    </AuthCard>
  );
}
