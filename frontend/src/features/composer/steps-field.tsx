"use client";
import { SelectField } from "@/components/field";
import type { Model } from "@/features/models/api";
import { useTranslations } from "@/lib/i18n";
import { useDraft } from "./draft";
import { NumberField } from "./number-field";
import { limitsOf } from "./settings";

type Props = { model: Model | undefined; off: string | null; error: string | null };

/** The number of steps: any, or for a distilled model one of its own. */
export function StepsField({ model, off, error }: Props) {
  const t = useTranslations("composer");
  const { settings, set } = useDraft();
  const steps = settings.num_inference_steps ?? null;
  const own = model ? t("modelDefault", { value: String(model.num_inference_steps) }) : "";
  const texts = { label: t("num_inference_steps"), help: t("stepsHelp"), error, off };
  if (model?.steps && !off) {
    const options = model.steps.map(String).map((value) => ({ value, label: value }));
    return (
      <SelectField
        {...texts}
        value={steps && model.steps.includes(steps) ? String(steps) : ""}
        options={[{ value: "", label: own }, ...options]}
        onChange={({ target }) => set("num_inference_steps", target.value ? Number(target.value) : null)}
      />
    );
  }
  return (
    <NumberField
      {...texts}
      {...limitsOf("num_inference_steps")}
      value={off ? null : steps}
      empty={own}
      onChange={(value) => set("num_inference_steps", value)}
    />
  );
}
