"use client";
import type { ReactNode } from "react";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { inUnits, type Count } from "./figures";

/** A group of figures. */
export function Figures({ label, children }: { label: string; children: ReactNode }) {
  return (
    <dl aria-label={label} className="grid grid-cols-2 gap-3 sm:grid-cols-3 xl:grid-cols-6">
      {children}
    </dl>
  );
}

/** One figure: what it is, its value, and what is to be said about it. */
export function Figure({ label, value, note }: { label: string; value: ReactNode; note?: ReactNode }) {
  return (
    <div className="flex flex-col gap-1 rounded-l border border-border p-4">
      <dt className="text-s text-muted">{label}</dt>
      <dd className="tabular text-l font-semibold">{value}</dd>
      {note ? <dd className="text-s text-muted">{note}</dd> : null}
    </div>
  );
}

/** "1,234", or "10,000+" where the server stopped counting. */
export function useCount(): (count: Count) => string {
  const t = useTranslations("admin");
  const format = useFormatter();
  return ({ count, more }) => (more ? t("atLeast", { count }) : format.number(count));
}

/** "903 MB" */
export function useBytes(): (bytes: number) => string {
  const format = useFormatter();
  return (bytes) => {
    const { value, unit } = inUnits(bytes);
    return format.number(value, { style: "unit", unit, maximumSignificantDigits: 3 });
  };
}

/** A moment as a time of day, with the date where it is not of today. */
export function useMoment(): (moment: string) => string {
  const format = useFormatter();
  return (moment) => {
    const at = new Date(moment);
    const today = at.toDateString() === new Date().toDateString();
    return format.dateTime(at, today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" });
  };
}
