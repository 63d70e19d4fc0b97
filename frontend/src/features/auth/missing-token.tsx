"use client";
import Link from "next/link";
import { MailQuestionMark } from "lucide-react";
import { buttonClass } from "@/components/button";
import { StateView } from "@/components/states";
import { useTranslations } from "@/lib/i18n";

/** A page of a mailed link that was opened without the link. `next`: where to get another one, or to go on. */
export function MissingToken({ title, next }: { title: string; next: { href: string; label: string } }) {
  const t = useTranslations("auth");
  return (
    <div className="mx-auto w-full max-w-xl px-4 pt-[12svh]">
      <StateView
        heading="h1"
        title={title}
        icon={<MailQuestionMark aria-hidden />}
        action={
          <Link href={next.href} className={buttonClass()}>
            {next.label}
          </Link>
        }
      >
        {t("missingToken")}
      </StateView>
    </div>
  );
}
