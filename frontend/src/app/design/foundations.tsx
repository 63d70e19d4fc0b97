"use client";
import { Logo } from "@/app/_shell/logo";
import { useTranslations } from "@/lib/i18n";
import { Specimen } from "./specimen";

const COLOURS = ["bg", "surface", "raised", "overlay", "border", "input", "placeholder", "muted", "fg", "primary", "primary-end", "ring", "success", "warning", "danger"];
const AURA = ["aura-violet", "aura-blue", "aura-amber"];
const TYPE = [
  ["xl", "text-xl font-semibold tracking-[-0.045em]"],
  ["l", "text-l font-semibold"],
  ["m", "text-m"],
  ["s", "text-s text-muted"],
] as const;
const SPACES = [1, 2, 3, 4, 6, 8, 12];

/** The tokens of tokens.css: what everything else is made of. */
export function Foundations() {
  const t = useTranslations();
  return (
    <>
      <Specimen of="--color">
        {[...COLOURS, ...AURA].map((name) => (
          <span key={name} className="grid w-20 gap-1 text-s text-muted">
            <span className="h-14 rounded-s border border-border" style={{ background: `var(--color-${name})` }} />
            <span className="truncate">{name}</span>
          </span>
        ))}
      </Specimen>
      <Specimen of="--text" look="stack">
        {TYPE.map(([name, look]) => (
          <p key={name} className={look}>
            {t("landing.headline")}
          </p>
        ))}
      </Specimen>
      <Specimen of="--spacing">
        {SPACES.map((space) => (
          <span key={space} className="grid justify-items-center gap-1 text-s text-muted">
            <span className="bg-muted" style={{ width: `calc(var(--spacing) * ${space})`, height: "1rem" }} />
            <span className="tabular">{space * 4}</span>
          </span>
        ))}
      </Specimen>
      <Specimen of="--radius · --shadow">
        <span className="size-16 rounded-s bg-raised" />
        <span className="size-16 rounded-l bg-raised" />
        <span className="size-16 rounded-l bg-overlay shadow-float hairline" />
      </Specimen>
      <Specimen of="Logo">
        <Logo className="size-6" />
        <Logo className="size-10" />
        <span className="text-l font-semibold">{t("common.appName")}</span>
      </Specimen>
    </>
  );
}
