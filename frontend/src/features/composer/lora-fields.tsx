"use client";
import { Chip } from "@/components/chip";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import { useDraft } from "./draft";
import { NumberField } from "./number-field";

const WEIGHT = { minimum: -2, maximum: 2 };

/** The LoRAs that fit the model, each with its weight. */
export function LoraFields({ names, off }: { names: string[]; off: string | null }) {
  const t = useTranslations("composer");
  const { settings, set } = useDraft();
  const { loras } = settings;
  const chosen = (name: string) => loras.some((lora) => lora.name === name);
  const toggle = (name: string) => set("loras", chosen(name) ? loras.filter((lora) => lora.name !== name) : [...loras, { name, weight: 1 }]);
  const weigh = (name: string, weight: number) => set("loras", loras.map((lora) => (lora.name === name ? { ...lora, weight } : lora)));
  return (
    <fieldset disabled={Boolean(off)} className="grid gap-2">
      <legend className={off ? "mb-1 text-s font-medium text-muted" : "mb-1 text-s font-medium"}>{t("loras")}</legend>
      {off ? <p className="text-s text-muted">{off}</p> : null}
      <div className="flex flex-wrap gap-1.5">
        {names.map((name) => (
          <Chip key={name} aria-pressed={chosen(name)} disabled={!chosen(name) && loras.length >= LIMITS.loras.maxItems} onClick={() => toggle(name)}>
            {name}
          </Chip>
        ))}
      </div>
      {off
        ? null
        : loras.map((lora) => (
            <NumberField
              key={lora.name}
              label={t("loraWeight", { name: lora.name })}
              {...WEIGHT}
              step={0.1}
              value={lora.weight}
              onChange={(weight) => weight !== null && weigh(lora.name, weight)}
            />
          ))}
    </fieldset>
  );
}
