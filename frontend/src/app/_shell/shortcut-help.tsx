"use client";
import { Dialog } from "@/components/dialog";
import { useTranslations } from "@/lib/i18n";
import { usePreferences } from "@/lib/preferences";

type Name = "commands" | "generate" | "cancelCurrent" | "history" | "prompt" | "navigate" | "favourite" | "useSettings" | "useSeed" | "help";
type NamedKey = "ctrl" | "alt" | "shift" | "enter" | "up" | "down" | "arrows";
const KEYS: [Name, (NamedKey | { key: string })[]][] = [
  ["commands", ["ctrl", { key: "K" }]],
  ["generate", ["ctrl", "enter"]],
  ["prompt", [{ key: "/" }]],
  ["history", ["alt", "up"]],
  ["cancelCurrent", ["shift", { key: "X" }]],
  ["navigate", ["arrows"]],
  ["favourite", [{ key: "." }]],
  ["useSettings", [{ key: "R" }]],
  ["useSeed", [{ key: "S" }]],
  ["help", [{ key: "?" }]],
];

export default function ShortcutHelp({ onClose }: { onClose: () => void }) {
  const t = useTranslations("shortcuts");
  const singleKeys = usePreferences((preferences) => preferences.singleKeys);
  return (
    <Dialog title={t("title")} onClose={onClose}>
      <dl className="grid gap-2.5">
        {KEYS.map(([name, keys]) => (
          <div key={name} className="flex items-center justify-between gap-4">
            <dt>{t(name)}</dt>
            <dd className="flex gap-1">
              {keys.map((key) => {
                const text = typeof key === "string" ? t(`keys.${key}`) : key.key;
                return (
                  <kbd key={text} className="inline-flex h-7 min-w-7 items-center justify-center rounded-s bg-raised px-2 font-sans text-s">
                    {text}
                  </kbd>
                );
              })}
            </dd>
          </div>
        ))}
      </dl>
      {singleKeys ? null : <p className="text-s text-muted">{t("singleKeysOff")}</p>}
    </Dialog>
  );
}
