"use client";
import { useTranslations } from "@/lib/i18n";

/** What has happened; the identifier of an event that this version does not have. */
export function useEventName(): (event: string) => string {
  const t = useTranslations("webhooks.eventNames");
  return (event) => {
    const key = event.replace(".", "_") as "job_succeeded";
    return t.has(key) ? t(key) : event;
  };
}
