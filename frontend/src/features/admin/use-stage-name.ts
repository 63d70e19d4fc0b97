"use client";
import { useTranslations } from "@/lib/i18n";

/** The name of a stage of the pipeline; the identifier of one that this version does not have. */
export function useStageName(): (stage: string | null) => string {
  const t = useTranslations("jobs.stages");
  return (stage) => (stage === null ? "–" : t.has(stage as "generate") ? t(stage as "generate") : stage);
}
