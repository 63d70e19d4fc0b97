"use client";
import { secondsOf } from "@/features/composer/travel";
import type { Schemas } from "@/lib/api/client";
import { LIMITS } from "@/lib/api/limits.gen";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { useRecipe, type Video } from "./api";

export type RecipeRow = [name: string, value: string | null | undefined];
type Spec = Schemas["Spec"];

/** What was requested for the video, as far as it is not the default. */
function useRequested(): (spec: Spec) => RecipeRow[] {
  const t = useTranslations("composer");
  const videos = useTranslations("videos");
  const common = useTranslations("common");
  const format = useFormatter();
  return (spec) => {
    const on = (value: boolean) => (value ? common("on") : null);
    const travel = Object.entries(spec.prompt_travel ?? {})
      .map(([moment, prompt]) => ({ seconds: secondsOf(moment, spec.fps), prompt }))
      .sort((a, b) => a.seconds - b.seconds)
      .map(({ seconds, prompt }) => `${t("seconds", { seconds })}: ${prompt}`);
    const image = spec.image ? videos("ownImage") : spec.image_from && t("imageFrom", { seconds: spec.image_from.at });
    return [
      [t("revision"), spec.revision],
      [t("negative_prompt"), spec.negative_prompt],
      [t("style"), spec.style],
      [t("enhance"), on(spec.enhance_prompt)],
      [t("loras"), spec.loras.map(({ name, weight }) => `${name} × ${format.number(weight)}`).join("\n")],
      [t("motion"), spec.motion && t(`motions.${spec.motion}`)],
      [t("loop"), on(spec.loop)],
      [t("prompt_travel"), travel.join("\n")],
      [t("image"), image],
      [t("upscaler"), spec.upscaler === LIMITS.upscaler.default ? null : t(`upscalers.${spec.upscaler}`)],
      [t("denoise_strength"), typeof spec.denoise_strength === "number" ? format.number(spec.denoise_strength) : null],
      [t("embed_prompt"), on(spec.embed_prompt)],
    ];
  };
}

/** The settings of the video and what they resolved to: enough to make it again. */
export function useRecipeRows(video: Video): RecipeRow[] {
  const t = useTranslations("videos.fields");
  const composer = useTranslations("composer");
  const format = useFormatter();
  const requested = useRequested();
  const { data: spec } = useRecipe(video.id);
  const { video: media, resolved } = video;
  const shown = (name: string) => (typeof resolved[name] === "string" || typeof resolved[name] === "number" ? String(resolved[name]) : null);
  const sampler = shown("scheduler");
  const samplerKey = `schedulers.${sampler}` as "schedulers.own";
  const rows: RecipeRow[] = [
    [t("size"), media && `${media.width} × ${media.height}`],
    [t("duration"), media && composer("seconds", { seconds: media.duration_seconds })],
    [t("fps"), media && String(media.fps)],
    [t("frames"), media && String(media.frames)],
    [t("format"), video.format.toUpperCase()],
    [t("seed"), shown("seed")],
    [t("model"), shown("model")],
    [t("steps"), shown("num_inference_steps")],
    [t("guidance"), shown("guidance_scale")],
    [t("sampler"), composer.has(samplerKey) ? composer(samplerKey) : sampler],
    [t("created"), format.dateTime(new Date(video.created_at), { dateStyle: "medium", timeStyle: "short" })],
    ...(spec ? requested(spec) : []),
  ];
  return rows.filter(([, value]) => value);
}
