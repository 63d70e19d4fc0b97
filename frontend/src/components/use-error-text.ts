"use client";
import { ApiError, isOffline } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";

/** The words for an error of a request. `withId` is false where the request id is shown beside them. */
export function useErrorText(): (error: unknown, withId?: boolean) => string {
  const t = useTranslations("errors");
  return (error, withId = true) => {
    if (isOffline(error)) return t("offline");
    if (!(error instanceof ApiError)) return t("unknown");
    if (error.code === "internal_error" && error.requestId && withId) return t("internalErrorId", { id: error.requestId });
    const code = error.code as "unknown";
    const text = t.has(code) ? t(code) : (error.detail ?? error.title) || t("unknown");
    return error.retryAfterSeconds ? `${text} ${t("retryAfter", { seconds: error.retryAfterSeconds })}` : text;
  };
}
