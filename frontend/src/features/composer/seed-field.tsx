"use client";
import { Dices, Lock, LockOpen } from "lucide-react";
import { IconButton } from "@/components/button";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import { randomInteger } from "@/lib/random";
import { NumberField } from "./number-field";

type Props = { value: number | null; error: string | null; onChange: (seed: number | null) => void };

/** Locked: the same seed each time. Open: the server draws one. */
export function SeedField({ value, error, onChange }: Props) {
  const t = useTranslations("composer");
  const roll = () => onChange(randomInteger(LIMITS.seed.maximum));
  const locked = value !== null;
  return (
    <div className="flex items-start gap-1.5">
      <div className="min-w-0 flex-1">
        <NumberField
          label={t("seed")}
          help={t("seedHelp")}
          minimum={LIMITS.seed.minimum}
          maximum={LIMITS.seed.maximum}
          value={value}
          empty={t("seedRandom")}
          error={error}
          onChange={onChange}
        />
      </div>
      <IconButton
        name={t(locked ? "seedUnlock" : "seedLock")}
        aria-pressed={locked}
        kind="secondary"
        className="mt-[1.625rem]"
        onClick={() => (locked ? onChange(null) : roll())}
      >
        {locked ? <Lock aria-hidden /> : <LockOpen aria-hidden />}
      </IconButton>
      <IconButton name={t("seedDice")} kind="secondary" className="mt-[1.625rem]" onClick={roll}>
        <Dices aria-hidden />
      </IconButton>
    </div>
  );
}
