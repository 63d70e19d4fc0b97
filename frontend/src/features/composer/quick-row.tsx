"use client";
import { RectangleHorizontal, RectangleVertical, Square } from "lucide-react";
import { Segmented } from "@/components/segmented";
import type { Model } from "@/features/models/api";
import { useTranslations } from "@/lib/i18n";
import { useDraft } from "./draft";
import { RATIOS, qualitiesOf, qualityOf, ratioOf, stepsFor, type Quality, type Ratio, type Settings } from "./settings";

const SECONDS = [2, 4, 6];
const LABELS = { draft: "qualityDraft", standard: "qualityStandard", high: "qualityHigh" } as const;

/** Ratio, length and quality: the settings of the simple form. */
export function QuickRow({ settings, model }: { settings: Settings; model: Model | undefined }) {
  const t = useTranslations("composer");
  const { change, set } = useDraft();
  const ratio = ratioOf(settings);
  const quality = qualityOf(settings, model);
  const lengths = SECONDS.includes(settings.duration_seconds) ? SECONDS : [...SECONDS, settings.duration_seconds];
  return (
    <div className="grid gap-4">
      <Segmented<Ratio>
        label={t("ratio")}
        value={ratio}
        onChange={(next) => next !== "custom" && change({ width: RATIOS[next][0], height: RATIOS[next][1] })}
        options={[
          { value: "square", label: t("ratioSquare"), icon: <Square aria-hidden className="size-3.5" /> },
          { value: "wide", label: t("ratioWide"), icon: <RectangleHorizontal aria-hidden className="size-3.5" /> },
          { value: "tall", label: t("ratioTall"), icon: <RectangleVertical aria-hidden className="size-3.5" /> },
          ...(ratio === "custom" ? [{ value: "custom" as const, label: `${settings.width} × ${settings.height}` }] : []),
        ]}
      />
      {/* One below the other where a value of its own leaves no room beside. */}
      <div className="flex flex-wrap gap-4 *:min-w-fit *:grow">
        <Segmented
          label={t("length")}
          value={String(settings.duration_seconds)}
          onChange={(seconds) => set("duration_seconds", Number(seconds))}
          options={lengths.map((seconds) => ({ value: String(seconds), label: t("seconds", { seconds }) }))}
        />
        <Segmented<Quality>
          label={t("quality")}
          help={model?.steps?.length === 1 ? t("off.steps", { model: model.title }) : undefined}
          value={quality}
          onChange={(next) => next !== "custom" && set("num_inference_steps", stepsFor(next, model))}
          options={[
            ...qualitiesOf(model).map((value) => ({ value, label: t(LABELS[value]) })),
            ...(quality === "custom" ? [{ value: "custom" as const, label: String(settings.num_inference_steps) }] : []),
          ]}
        />
      </div>
    </div>
  );
}
