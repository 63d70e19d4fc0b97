"use client";
import Link from "next/link";
import { Compass } from "lucide-react";
import { buttonClass } from "@/components/button";
import { StateView } from "@/components/states";
import { useTranslations } from "@/lib/i18n";

export default function NotFound() {
  const t = useTranslations("errors");
  return (
    <div className="mx-auto w-full max-w-3xl px-4 py-16">
      <StateView heading="h1" title={t("notFoundTitle")} icon={<Compass aria-hidden />} action={<Link href="/" className={buttonClass()}>{t("home")}</Link>}>
        {t("notFound")}
      </StateView>
    </div>
  );
}
