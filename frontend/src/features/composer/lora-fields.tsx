"use client";
import { Chip } from "@/components/chip";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import { useDraft } from "./draft";
import { NumberField } from "./number-field";
import { isWithin, limitsOf } from "./settings";

type Props = { names: string[]; off: string | null; error: string | null };

/** The LoRAs that fit the model, each with its weight. Chosen ones that fit other models only are kept and not shown. */
export function LoraFields({ names, off, error }: Props) {
  const t = useTranslations("composer");
  const { settings, set } = useDraft();
  const { loras } = settings;
  const limits = limitsOf("loras");
  const fitting = loras.filter(({ name }) => names.includes(name));
  const chosen = (name: string) => fitting.some((lora) => lora.name === name);
  const toggle = (name: string) => set("loras", chosen(name) ? loras.filter((lora) => lora.name !== name) : [...loras, { name, weight: 1 }]);
  const weigh = (name: string, weight: number) => set("loras", loras.map((lora) => (lora.name === name ? { ...lora, weight } : lora)));
  return (
    <fieldset disabled={Boolean(off)} className="grid gap-2">
      <legend className={off ? "mb-1 text-s font-medium text-muted" : "mb-1 text-s font-medium"}>{t("loras")}</legend>
      {off ? <p className="text-s text-muted">{off}</p> : null}
      <div className="flex flex-wrap gap-1.5">
        {names.map((name) => (
          <Chip key={name} aria-pressed={chosen(name)} disabled={!chosen(name) && fitting.length >= LIMITS.loras.maxItems} onClick={() => toggle(name)}>
            {name}
          </Chip>
        ))}
      </div>
      {off
        ? null
        : fitting.map((lora) => (
            <NumberField
              key={lora.name}
              label={t("loraWeight", { name: lora.name })}
              {...limits}
              step={0.1}
              value={lora.weight}
              error={isWithin(lora.weight, limits) ? null : error}
              onChange={(weight) => weight !== null && weigh(lora.name, weight)}
            />
          ))}
    </fieldset>
  );
}
