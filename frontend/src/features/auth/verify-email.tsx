"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { buttonClass } from "@/components/button";
import { Skeleton } from "@/components/states";
import { useTranslations } from "@/lib/i18n";
import { verifyEmail } from "./api";
import { AuthCard } from "./auth-card";
import { useLinkToken } from "./use-link-token";

export function VerifyEmail() {
  const t = useTranslations("auth");
  const token = useLinkToken();
  const verification = useQuery({
    queryKey: ["verify", token],
    queryFn: () => verifyEmail(token ?? "").then(() => true),
    enabled: Boolean(token),
    retry: false,
    staleTime: Infinity,
  });
  if (token === null) return <AuthCard title={t("verifyTitle")} lead={t("missingToken")}>{null}</AuthCard>;
  if (verification.isError) return <AuthCard title={t("verifyTitle")} error={verification.error}>{null}</AuthCard>;
  if (!verification.data) return <AuthCard title={t("verifyTitle")} lead={t("verifying")}><Skeleton className="h-12" /></AuthCard>;
  return (
    <AuthCard title={t("verifyTitle")} lead={t("verified")}>
      <Link href="/login" className={buttonClass({ kind: "primary", wide: true })}>
        {t("logIn")}
      </Link>
    </AuthCard>
  );
}
