"use client";
import { useState } from "react";
import { SelectField, TextField } from "@/components/field";
import { useTranslations } from "@/lib/i18n";
import { PERIODS, nameOfPeriod, periodOf, validDay, type Period, type PeriodName } from "./period";

type Props = { period: Period; onChange: (period: Period) => void };

/** When the videos were made: one of a few periods, or from one day to another. */
export function DateFilter({ period: { from, to }, onChange }: Props) {
  const t = useTranslations("videos");
  // The days that were chosen one by one. A period that was set elsewhere has its name again.
  const [own, setOwn] = useState<Period | null>(null);
  const isOwn = own?.from === from && own.to === to;
  const name = isOwn ? "own" : nameOfPeriod({ from, to });
  const choose = (next: PeriodName) => {
    setOwn(next === "own" ? { from, to } : null);
    if (next !== "own") onChange(periodOf(next));
  };
  const change = (period: Period) => {
    setOwn(period);
    onChange(period);
  };
  return (
    <>
      <div className="col-span-2">
        <SelectField
          hideLabel
          label={t("date")}
          value={name}
          onChange={(event) => choose(event.target.value as PeriodName)}
          options={PERIODS.map((value) => ({ value, label: t(`period.${value}`) }))}
        />
      </div>
      {name === "own" ? (
        <div className="col-span-2 flex items-end gap-3">
          <DayField label={t("from")} value={from} max={to} onChange={(day) => change({ from: day, to })} />
          <DayField label={t("to")} value={to} min={from} onChange={(day) => change({ from, to: day })} />
        </div>
      ) : null}
    </>
  );
}

type DayProps = { label: string; value: string; min?: string; max?: string; onChange: (day: string) => void };

/** A date. While its year is typed it is none, and changes nothing. */
function DayField({ label, value, min, max, onChange }: DayProps) {
  const [typed, setTyped] = useState<{ text: string; over: string } | null>(null);
  return (
    <div className="min-w-36 flex-1">
      <TextField
        label={label}
        type="date"
        min={min || undefined}
        max={max || undefined}
        value={typed?.over === value ? typed.text : value}
        onChange={({ target }) => {
          setTyped({ text: target.value, over: value });
          if (!target.value || validDay(target.value)) onChange(target.value);
        }}
      />
    </div>
  );
}
