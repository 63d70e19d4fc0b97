"use client";
import { Button } from "@/components/button";
import { StateView } from "@/components/states";
import { useTranslations } from "@/lib/i18n";

export default function PageError({ reset }: { error: Error; reset: () => void }) {
  const t = useTranslations("errors");
  return (
    <div className="mx-auto w-full max-w-3xl px-4 py-16">
      <StateView role="alert" title={t("title")} action={<Button onClick={reset}>{t("reload")}</Button>}>
        {t("pageCrashed")}
      </StateView>
    </div>
  );
}
