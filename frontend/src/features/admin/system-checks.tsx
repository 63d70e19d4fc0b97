"use client";
import { CircleCheck, TriangleAlert } from "lucide-react";
import { ErrorView, Skeleton } from "@/components/states";
import { useTranslations } from "@/lib/i18n";
import { useChecks } from "./api";

/** What this server needs, checked now. */
export function SystemChecks() {
  const t = useTranslations("admin");
  const checks = useChecks();
  const name = (key: string) => (t.has(`checks.${key}` as "checks.database") ? t(`checks.${key}` as "checks.database") : key);
  return (
    <div role="group" aria-label={t("systemLead")} className="grid gap-3">
      {checks.isPending ? <Skeleton className="h-20 rounded-l" /> : null}
      {checks.isError ? <ErrorView error={checks.error} onRetry={() => void checks.refetch()} /> : null}
      <ul className="grid gap-3 sm:grid-cols-3">
        {Object.entries(checks.data ?? {}).map(([key, outcome]) => (
          <li key={key} className="flex items-start gap-3 rounded-l border border-border p-4">
            {outcome === "ok" ? (
              <CircleCheck aria-hidden className="mt-0.5 size-5 text-success" />
            ) : (
              <TriangleAlert aria-hidden className="mt-0.5 size-5 text-danger" />
            )}
            <span className="grid">
              <span className="font-medium">{name(key)}</span>
              <span className="text-s text-muted">{outcome === "ok" ? t("ok") : `${t("failing")} · ${outcome}`}</span>
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
