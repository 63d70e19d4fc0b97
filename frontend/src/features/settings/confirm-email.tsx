"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { Button, buttonClass } from "@/components/button";
import { AuthCard } from "@/features/auth/auth-card";
import { MissingToken } from "@/features/auth/missing-token";
import { SignedInOnly } from "@/features/auth/signed-in-only";
import { useLinkToken } from "@/features/auth/use-link-token";
import { ME } from "@/features/auth/use-session";
import { useTranslations } from "@/lib/i18n";
import { confirmEmail } from "./api";

/** The page of the mail to a new address. A click confirms, because programs open links of mails too. */
export function ConfirmEmail() {
  const t = useTranslations("access");
  const { token, forget } = useLinkToken();
  const queries = useQueryClient();
  const confirm = useMutation({
    mutationFn: () => confirmEmail(token ?? ""),
    onSuccess: (profile) => {
      forget();
      queries.setQueryData(ME, profile);
    },
  });
  if (token === null) return <MissingToken title={t("confirmEmailTitle")} next={{ href: "/settings", label: t("toSettings") }} />;
  return (
    <AuthCard title={t("confirmEmailTitle")} lead={confirm.isSuccess ? t("emailChanged") : t("confirmEmailLead")} error={confirm.error} onSubmit={() => confirm.mutate()}>
      {confirm.isSuccess ? (
        <Link href="/settings" className={buttonClass({ kind: "primary", wide: true })}>
          {t("toSettings")}
        </Link>
      ) : (
        <SignedInOnly heading="h2">
          <Button type="submit" kind="primary" size="l" wide busy={confirm.isPending}>
            {t("confirmEmail")}
          </Button>
        </SignedInOnly>
      )}
    </AuthCard>
  );
}
