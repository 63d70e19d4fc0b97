"use client";
import { ApiError, isOffline } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";

/** The words for an error of a request. */
export function useErrorText(): (error: unknown) => string {
  const t = useTranslations("errors");
  return (error) => {
    if (isOffline(error)) return t("offline");
    if (!(error instanceof ApiError)) return t("unknown");
    const code = error.code as "unknown";
    const text = t.has(code) ? t(code) : (error.detail ?? error.title) || t("unknown");
    return error.retryAfterSeconds ? `${text} ${t("retryAfter", { seconds: error.retryAfterSeconds })}` : text;
  };
}
