"use client";
import Link from "next/link";
import { FilmIcon } from "lucide-react";
import { buttonClass } from "@/components/button";
import { StateView } from "@/components/states";
import { useTranslations } from "@/lib/i18n";

export function Gone({ heading = "h1" }: { heading?: "h1" | "h2" }) {
  const t = useTranslations("published");
  const errors = useTranslations("errors");
  return (
    <div className="mx-auto w-full max-w-xl px-4 pt-[12svh]">
      <StateView
        title={t("goneTitle")}
        heading={heading}
        icon={<FilmIcon aria-hidden />}
        action={
          <Link href="/" className={buttonClass()}>
            {errors("home")}
          </Link>
        }
      >
        {t("gone")}
      </StateView>
    </div>
  );
}
