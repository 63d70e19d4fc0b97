"use client";
import type { ReactNode } from "react";
import { SelectField, TextField } from "@/components/field";
import { Segmented } from "@/components/segmented";
import { Switch } from "@/components/switch";
import type { Model, Style } from "@/features/models/api";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import { useDraft } from "./draft";
import { ImageField } from "./image-field";
import { LoraFields } from "./lora-fields";
import { NumberField } from "./number-field";
import { SeedField } from "./seed-field";
import { canLoop, inapplicable, limitsOf, motionsOf, type Problem, type SettingName, type Settings } from "./settings";
import { StepsField } from "./steps-field";
import { TravelFields } from "./travel-fields";
import { useProblemText } from "./use-problem-text";

type Props = { models: Model[]; model: Model | undefined; styles: Style[]; problem: Problem | null };

/** Every field of the request. A test compares it with the schema. */
export function AdvancedPanel({ models, model, styles, problem }: Props) {
  const t = useTranslations("composer");
  const problemText = useProblemText();
  const { settings, set } = useDraft();
  const title = model?.title ?? settings.model;
  const reasons = inapplicable(settings, model);
  const off = (name: SettingName) => {
    const reason = reasons[name];
    return reason ? t(`off.${reason.key}`, { model: title, sampler: t(`schedulers.${settings.scheduler ?? "own"}`) }) : null;
  };
  const error = (name: SettingName) => (problem?.field === name ? problemText(problem, model) : null);
  const style = styles.find((one) => one.name === settings.style);
  const loops = settings.loop && !off("loop");
  const unguided = model?.negative_prompt && (settings.guidance_scale ?? model.guidance_scale) <= 1;
  const guidance = model ? t("modelDefault", { value: String(model.guidance_scale) }) : "";
  return (
    <div className="grid gap-6">
      <Group>
        <SelectField
          label={t("model")}
          help={model ? t("modelHelp", { licence: model.licence }) : undefined}
          value={model?.name ?? settings.model}
          onChange={(event) => set("model", event.target.value)}
          options={models.map((one) => ({ value: one.name, label: one.title }))}
        />
        <TextField
          label={t("revision")}
          help={t("revisionHelp")}
          value={settings.revision ?? ""}
          maxLength={LIMITS.revision.maxLength}
          onChange={(event) => set("revision", event.target.value || null)}
        />
        <SelectField
          label={t("style")}
          help={style ? t("styleAdds", { text: style.prompt }) : undefined}
          off={off("style")}
          value={settings.style ?? ""}
          onChange={(event) => set("style", event.target.value || null)}
          options={[{ value: "", label: t("noStyle") }, ...styles.filter((one) => !model || model.styles.includes(one.name)).map((one) => ({ value: one.name, label: one.title }))]}
        />
        <Switch
          label={t("enhance")}
          help={t("enhanceHelp", { model: title })}
          checked={settings.enhance_prompt}
          onChange={(value) => set("enhance_prompt", value)}
        />
        <TextField
          label={t("negative_prompt")}
          help={t(unguided ? "negativeUnguided" : "negativeHelp")}
          off={off("negative_prompt")}
          maxLength={LIMITS.negative_prompt.maxLength}
          value={settings.negative_prompt}
          onChange={(event) => set("negative_prompt", event.target.value)}
        />
      </Group>
      <Group>
        <SeedField value={settings.seed ?? null} error={error("seed")} onChange={(seed) => set("seed", seed)} />
        <Pair>
          <StepsField model={model} off={off("num_inference_steps")} error={error("num_inference_steps")} />
          <NumberField
            label={t("guidance_scale")}
            help={t("guidanceHelp")}
            {...limitsOf("guidance_scale")}
            step={0.1}
            value={settings.guidance_scale}
            empty={guidance}
            error={error("guidance_scale")}
            onChange={(value) => set("guidance_scale", value)}
          />
        </Pair>
        <SelectField
          label={t("scheduler")}
          help={loops ? t("schedulerLoop") : t("schedulerHelp")}
          value={settings.scheduler ?? ""}
          onChange={(event) => set("scheduler", (event.target.value || null) as Settings["scheduler"])}
          options={[
            { value: "", label: model ? t("modelDefault", { value: t(`schedulers.${(model.schedulers[0] ?? "own") as "own"}`) }) : t("schedulers.own") },
            ...LIMITS.scheduler.values.filter((name) => !model || model.schedulers.includes(name)).map((name) => ({ value: name, label: t(`schedulers.${name}`), disabled: loops && !canLoop(name) })),
          ]}
        />
      </Group>
      <Group>
        <Pair>
          <NumberField label={t("width")} help={t("sizeHelp")} {...limitsOf("width")} step={2} value={settings.width} error={error("width")} onChange={(value) => value !== null && set("width", value)} />
          <NumberField label={t("height")} help={t("sizeHelp")} {...limitsOf("height")} step={2} value={settings.height} error={error("height")} onChange={(value) => value !== null && set("height", value)} />
          <NumberField
            label={t("duration_seconds")}
            help={t("durationHelp")}
            {...limitsOf("duration_seconds")}
            step={0.5}
            value={settings.duration_seconds}
            error={error("duration_seconds")}
            onChange={(value) => value !== null && set("duration_seconds", value)}
          />
          <NumberField label={t("fps")} help={t("fpsHelp")} {...limitsOf("fps")} value={settings.fps} error={error("fps")} onChange={(value) => value !== null && set("fps", value)} />
        </Pair>
        <Segmented
          label={t("format")}
          help={t("formatHelp")}
          value={settings.format}
          onChange={(value) => set("format", value)}
          options={LIMITS.format.values.map((value) => ({ value, label: value.toUpperCase() }))}
        />
        <Segmented
          label={t("upscaler")}
          help={t("upscalerHelp")}
          value={settings.upscaler}
          onChange={(value) => set("upscaler", value)}
          options={LIMITS.upscaler.values.map((value) => ({ value, label: t(`upscalers.${value}`) }))}
        />
        <Switch label={t("embed_prompt")} help={t("embedHelp")} checked={settings.embed_prompt} onChange={(value) => set("embed_prompt", value)} />
        <NumberField
          label={t("denoise_strength")}
          help={t("denoiseHelp")}
          {...limitsOf("denoise_strength")}
          step={0.05}
          value={settings.denoise_strength}
          empty="0.5"
          off={off("denoise_strength")}
          error={error("denoise_strength")}
          onChange={(value) => set("denoise_strength", value)}
        />
      </Group>
      <Group>
        <Switch label={t("loop")} help={t("loopHelp")} checked={settings.loop} off={off("loop")} onChange={(value) => set("loop", value)} />
        <SelectField
          label={t("motion")}
          help={t("motionHelp")}
          off={off("motion")}
          value={settings.motion ?? ""}
          onChange={(event) => set("motion", (event.target.value || null) as Settings["motion"])}
          options={[{ value: "", label: t("noMotion") }, ...motionsOf(model).map((value) => ({ value, label: t(`motions.${value}`) }))]}
        />
        <LoraFields names={model?.loras ?? []} off={off("loras")} error={error("loras")} />
        <TravelFields off={off("prompt_travel")} problem={problem && "row" in problem ? problem : null} error={error("prompt_travel")} />
        <ImageField model={model} off={off("image")} problem={error("image")} />
      </Group>
    </div>
  );
}

function Group({ children }: { children: ReactNode }) {
  return <div className="grid gap-4 border-t border-border pt-5 first:border-0 first:pt-0">{children}</div>;
}

function Pair({ children }: { children: ReactNode }) {
  return <div className="grid grid-cols-2 items-start gap-3">{children}</div>;
}
