"use client";
import { useState } from "react";
import { Check, Copy } from "lucide-react";
import { useTranslations } from "@/lib/i18n";
import { IconButton } from "./button";

/** What the people who run the server find an error by. */
export function RequestId({ id }: { id: string }) {
  const t = useTranslations("errors");
  const [copied, setCopied] = useState(false);
  return (
    <p className="mt-2 flex flex-wrap items-center gap-2 text-s">
      <span>{t("requestId")}</span>
      <code className="rounded-s bg-raised px-1.5 py-0.5 break-all">{id}</code>
      <IconButton size="s" name={t("copyRequestId")} onClick={() => void navigator.clipboard?.writeText(id).then(() => setCopied(true))}>
        {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
      </IconButton>
    </p>
  );
}
