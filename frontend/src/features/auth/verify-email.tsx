"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { Button, buttonClass } from "@/components/button";
import { Skeleton } from "@/components/states";
import { isOffline } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { verifyEmail } from "./api";
import { AuthCard } from "./auth-card";
import { MissingToken } from "./missing-token";
import { useLinkToken } from "./use-link-token";

export function VerifyEmail() {
  const t = useTranslations("auth");
  const common = useTranslations("common");
  const { token, forget } = useLinkToken();
  const verification = useQuery({
    queryKey: ["verify", token],
    queryFn: async () => {
      await verifyEmail(token ?? "");
      forget();
      return true;
    },
    enabled: Boolean(token),
    retry: false,
    staleTime: Infinity,
  });
  if (token === null) return <MissingToken title={t("verifyTitle")} next={{ href: "/login", label: t("logIn") }} />;
  if (verification.isError) {
    return (
      <AuthCard title={t("verifyTitle")} error={verification.error} onSubmit={() => void verification.refetch()}>
        {isOffline(verification.error) ? (
          <Button type="submit" wide>
            {common("retry")}
          </Button>
        ) : (
          <LogInLink />
        )}
      </AuthCard>
    );
  }
  if (!verification.data) return <AuthCard title={t("verifyTitle")} lead={t("verifying")}><Skeleton className="h-12" /></AuthCard>;
  return (
    <AuthCard title={t("verifyTitle")} lead={t("verified")}>
      <LogInLink />
    </AuthCard>
  );
}

function LogInLink() {
  const t = useTranslations("auth");
  return (
    <Link href="/login" className={buttonClass({ kind: "primary", wide: true })}>
      {t("logIn")}
    </Link>
  );
}
