"use client";
import { useMutation } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { Button, buttonClass } from "@/components/button";
import { ApiError } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { resetPassword } from "./api";
import { AuthCard } from "./auth-card";
import { MissingToken } from "./missing-token";
import { PasswordField } from "./password-field";
import { useLinkToken } from "./use-link-token";

export function ResetForm() {
  const t = useTranslations("auth");
  const { token, forget } = useLinkToken();
  const [password, setPassword] = useState("");
  const reset = useMutation({ mutationFn: () => resetPassword(token ?? "", password), onSuccess: forget });
  const login = (
    <Link href="/login" className={buttonClass({ kind: "primary", wide: true })}>
      {t("logIn")}
    </Link>
  );
  if (reset.isSuccess) return <AuthCard title={t("resetTitle")} lead={t("resetDone")}>{login}</AuthCard>;
  if (token === null) return <MissingToken title={t("resetTitle")} next={{ href: "/forgot", label: t("newLink") }} />;
  const refused = reset.error instanceof ApiError ? (reset.error.field("password") ?? reset.error.field("new_password")) : null;
  return (
    <AuthCard
      title={t("resetTitle")}
      error={refused ? null : reset.error}
      onSubmit={() => reset.mutate()}
      footer={
        reset.error && !refused ? (
          <Link href="/forgot" className="underline underline-offset-4">
            {t("newLink")}
          </Link>
        ) : null
      }
    >
      <PasswordField
        label={t("newPassword")}
        help={t("passwordHelp")}
        error={refused}
        autoComplete="new-password"
        required
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <Button type="submit" kind="primary" size="l" wide busy={reset.isPending}>
        {t("setPassword")}
      </Button>
    </AuthCard>
  );
}
