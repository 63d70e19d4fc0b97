"use client";
import { useMutation } from "@tanstack/react-query";
import { useRouter, useSearchParams } from "next/navigation";
import { Fingerprint } from "lucide-react";
import { Button } from "@/components/button";
import { useErrorText } from "@/components/states";
import { safeNext } from "@/features/auth/next";
import { useTranslations } from "@/lib/i18n";
import { PasskeyCanceled, logInWithPasskey, usePasskeysSupported } from "./api";

/** Nothing where the browser has no passkeys. */
export function PasskeyLogIn() {
  const t = useTranslations("access");
  const errorText = useErrorText();
  const supported = usePasskeysSupported();
  const router = useRouter();
  const next = useSearchParams().get("next");
  const login = useMutation({ mutationFn: logInWithPasskey, onSuccess: () => router.replace(safeNext(next)) });
  if (!supported) return null;
  return (
    <>
      <Button size="l" wide icon={<Fingerprint aria-hidden className="size-4" />} busy={login.isPending} onClick={() => login.mutate()}>
        {t("signInWithPasskey")}
      </Button>
      {login.error ? (
        <p role="alert" className="text-s text-danger">
          {login.error instanceof PasskeyCanceled ? t("passkeyCanceled") : errorText(login.error)}
        </p>
      ) : null}
    </>
  );
}
