"use client";
import { useMutation } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter, useSearchParams } from "next/navigation";
import { useState, type ReactNode } from "react";
import { Button } from "@/components/button";
import { TextField } from "@/components/field";
import { ApiError } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { logIn } from "./api";
import { AuthCard } from "./auth-card";
import { COMPOSER, safeNext } from "./next";
import { PasswordField } from "./password-field";

const SECOND_FACTOR = "second_factor_required";

/** `alternative`: another way to sign in. */
export function LoginForm({ alternative }: { alternative?: ReactNode }) {
  const t = useTranslations("auth");
  const router = useRouter();
  const next = useSearchParams().get("next");
  const [form, setForm] = useState({ email: "", password: "", code: "" });
  const login = useMutation({ mutationFn: () => logIn(form), onSuccess: () => router.replace(safeNext(next)) });
  const asksForCode = login.error instanceof ApiError && login.error.code === SECOND_FACTOR;
  const [withCode, setWithCode] = useState(false);
  if (asksForCode && !withCode) setWithCode(true);
  return (
    <AuthCard
      title={t("loginTitle")}
      lead={next === COMPOSER ? t("draftKept") : t("loginLead")}
      error={login.error}
      onSubmit={() => login.mutate()}
      footer={
        <span className="flex flex-wrap justify-between gap-2">
          <span>
            {t("noAccount")}{" "}
            <Link className="text-fg underline underline-offset-4" href={next ? `/register?next=${encodeURIComponent(next)}` : "/register"}>
              {t("createAccount")}
            </Link>
          </span>
          <Link className="underline underline-offset-4" href="/forgot">
            {t("forgotLink")}
          </Link>
        </span>
      }
    >
      <TextField
        label={t("email")}
        type="email"
        autoComplete="username"
        required
        value={form.email}
        onChange={(event) => setForm({ ...form, email: event.target.value })}
      />
      <PasswordField
        label={t("password")}
        autoComplete="current-password"
        required
        value={form.password}
        onChange={(event) => setForm({ ...form, password: event.target.value })}
      />
      {withCode ? (
        <TextField
          label={t("code")}
          help={t("codeHelp")}
          autoComplete="one-time-code"
          inputMode="numeric"
          value={form.code}
          onChange={(event) => setForm({ ...form, code: event.target.value })}
        />
      ) : null}
      <Button type="submit" kind="primary" size="l" wide busy={login.isPending}>
        {t("logIn")}
      </Button>
      {alternative}
    </AuthCard>
  );
}
