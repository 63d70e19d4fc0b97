/** The settings of a request: their defaults and limits (from the gateway's schema), and what fits together. */
import { LIMITS } from "@/lib/api/limits.gen";
import type { Request, Spec } from "@/features/jobs/job";
import type { Model } from "@/features/models/api";
import { changesOf, travelOf, travelProblem, type PromptChange, type TravelProblem } from "./travel";

export type Settings = Omit<Spec, "prompt" | "prompt_travel"> & { prompt_travel: PromptChange[] };
export type SettingName = keyof Settings;

export const DEFAULTS: Settings = {
  negative_prompt: LIMITS.negative_prompt.default,
  num_inference_steps: null,
  guidance_scale: null,
  width: LIMITS.width.default,
  height: LIMITS.height.default,
  fps: LIMITS.fps.default,
  duration_seconds: LIMITS.duration_seconds.default,
  seed: null,
  // Empty: the model of the server.
  model: "",
  revision: null,
  scheduler: null,
  format: LIMITS.format.default,
  style: null,
  enhance_prompt: LIMITS.enhance_prompt.default,
  embed_prompt: LIMITS.embed_prompt.default,
  loras: [],
  motion: null,
  prompt_travel: [],
  loop: LIMITS.loop.default,
  image: null,
  image_from: null,
  upscaler: LIMITS.upscaler.default,
  denoise_strength: null,
};

/** Width x height x frames; the gateway refuses more. */
export const MAX_VIDEO_PIXELS = 640_000_000;
const MAX_RATIO = 4;
const MAX_GIF_FPS = 50;

export function framesOf({ duration_seconds, fps }: Pick<Settings, "duration_seconds" | "fps">): number {
  return Math.round(duration_seconds * fps);
}

/** What differs from the defaults. The body of a request leaves the rest to the server. */
export function changed(settings: Settings): Partial<Settings> {
  const entries = Object.entries(settings) as [SettingName, unknown][];
  return Object.fromEntries(entries.filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(DEFAULTS[name])));
}

export function requestOf(prompt: string, settings: Settings, seed: number | null): Request {
  const { prompt_travel, ...others } = changed({ ...settings, seed });
  return { prompt: prompt.trim(), ...others, ...(prompt_travel && { prompt_travel: travelOf(prompt_travel) }) };
}

/** The settings of an earlier request. Fields that this version does not have are left out. */
export function settingsOf(request: Request): Settings {
  const known = Object.keys(DEFAULTS).filter((name) => name in request) as SettingName[];
  return { ...DEFAULTS, ...Object.fromEntries(known.map((name) => [name, request[name]])), prompt_travel: changesOf(request.prompt_travel) };
}

type Reason = "loop" | "loopSampler" | "image" | "prompt_travel" | "travelLoop" | "motion" | "loras" | "denoise" | "steps" | "negative_prompt" | "style";
export type Off = Partial<Record<SettingName, { key: Reason }>>;

/** The gateway refuses these samplers for loops. */
const NOT_FOR_LOOPS = ["heun", "dpm++", "own"];

export function canLoop(scheduler: Settings["scheduler"]): boolean {
  return !scheduler || !NOT_FOR_LOOPS.includes(scheduler);
}

export function motionsOf(model: Model | undefined) {
  return LIMITS.motion.values.filter((motion) => !model || model.loras.includes(`motion-${motion}`));
}

/** Whether the request has a first frame. */
export function hasImage({ image, image_from }: Pick<Settings, "image" | "image_from">): boolean {
  return Boolean(image || image_from);
}

/** The settings that cannot apply, and why. */
export function inapplicable(settings: Settings, model: Model | undefined): Off {
  const off: Off = {};
  if (settings.upscaler !== "fast") off.denoise_strength = { key: "denoise" };
  if (!model) return off;
  const { scheduler } = settings;
  if (!model.loop) off.loop = { key: "loop" };
  else if (scheduler && model.schedulers.includes(scheduler) && !canLoop(scheduler)) off.loop = { key: "loopSampler" };
  if (!model.image) Object.assign(off, { image: { key: "image" }, image_from: { key: "image" } });
  if (!model.prompt_travel) off.prompt_travel = { key: "prompt_travel" };
  else if (settings.loop && !off.loop) off.prompt_travel = { key: "travelLoop" };
  if (model.loras.length === 0) off.loras = { key: "loras" };
  if (motionsOf(model).length === 0) off.motion = { key: "motion" };
  if (model.steps?.length === 1) off.num_inference_steps = { key: "steps" };
  if (model.styles.length === 0) off.style = { key: "style" };
  // A first frame that is drawn from the prompt is drawn with the negative prompt too.
  if (!model.negative_prompt && (hasImage(settings) || !model.draws_first_frame)) off.negative_prompt = { key: "negative_prompt" };
  return off;
}

/** The settings without those that cannot apply: they keep their values in the form, and are not sent. */
export function applicable(settings: Settings, model: Model | undefined): Settings {
  const off = Object.keys(inapplicable(settings, model)) as SettingName[];
  const reset = Object.fromEntries(off.map((name) => [name, DEFAULTS[name]]));
  return { ...settings, ...(model && offered(settings, model)), ...reset };
}

/** The choices that the model has. Others are left to the server. */
function offered({ style, scheduler, motion, loras, num_inference_steps: steps }: Settings, model: Model): Partial<Settings> {
  return {
    style: style && model.styles.includes(style) ? style : null,
    scheduler: scheduler && model.schedulers.includes(scheduler) ? scheduler : null,
    motion: motion && motionsOf(model).includes(motion) ? motion : null,
    loras: loras.filter(({ name }) => model.loras.includes(name)),
    num_inference_steps: steps && model.steps && !model.steps.includes(steps) ? null : steps,
  };
}

export type Problem =
  | { field: "prompt"; key: "prompt" | "tooLong" }
  | { field: "image"; key: "imageNeeded" }
  | { field: SettingName; key: "even" | "range" | "ratio" | "pixels" | "gif" | "seconds" }
  | TravelProblem;

const NUMBERS = ["num_inference_steps", "guidance_scale", "width", "height", "fps", "duration_seconds", "seed", "denoise_strength"] as const;

/** For LoRAs, the limits of their weights. */
export function limitsOf(field: (typeof NUMBERS)[number] | "loras"): { minimum: number; maximum: number } {
  return field === "loras" ? LIMITS.loras.weight : LIMITS[field];
}

export function isWithin(value: number, { minimum, maximum }: { minimum: number; maximum: number }): boolean {
  return value >= minimum && value <= maximum;
}

/** The first thing that the gateway would refuse; null if the request is valid. */
export function problemOf(prompt: string, settings: Settings, model: Model | undefined): Problem | null {
  if (!prompt.trim()) return { field: "prompt", key: "prompt" };
  if (prompt.length > LIMITS.prompt.maxLength) return { field: "prompt", key: "tooLong" };
  for (const field of NUMBERS) {
    const value = settings[field];
    if (value === null || value === undefined) continue;
    if (!isWithin(value, limitsOf(field))) return { field, key: "range" };
  }
  if (settings.loras.some(({ weight }) => !isWithin(weight, limitsOf("loras")))) return { field: "loras", key: "range" };
  const { width, height, fps, format, duration_seconds } = settings;
  if (width % 2) return { field: "width", key: "even" };
  if (height % 2) return { field: "height", key: "even" };
  if (Math.max(width, height) > MAX_RATIO * Math.min(width, height)) return { field: "width", key: "ratio" };
  if (width * height * framesOf(settings) > MAX_VIDEO_PIXELS) return { field: "duration_seconds", key: "pixels" };
  if (format === "gif" && fps > MAX_GIF_FPS) return { field: "fps", key: "gif" };
  if (model?.max_seconds && duration_seconds > model.max_seconds) return { field: "duration_seconds", key: "seconds" };
  if (model?.image === "required" && !model.draws_first_frame && !hasImage(settings)) return { field: "image", key: "imageNeeded" };
  return travelProblem(settings.prompt_travel, settings);
}

export const RATIOS = { square: [512, 512], wide: [640, 360], tall: [360, 640] } as const;
export type Ratio = keyof typeof RATIOS | "custom";

export function ratioOf({ width, height }: Settings): Ratio {
  const names = Object.keys(RATIOS) as (keyof typeof RATIOS)[];
  return names.find((name) => RATIOS[name][0] === width && RATIOS[name][1] === height) ?? "custom";
}

const QUALITIES = ["draft", "standard", "high"] as const;
export type Quality = (typeof QUALITIES)[number] | "custom";

/** The number of steps for a quality: half of the model's, the model's own, or twice as many. */
export function stepsFor(quality: Exclude<Quality, "custom">, model: Model | undefined): number | null {
  if (quality === "standard" || !model) return null;
  const steps = model.num_inference_steps;
  const { minimum, maximum } = limitsOf("num_inference_steps");
  return quality === "draft" ? Math.max(minimum, Math.ceil(steps / 2)) : Math.min(maximum, steps * 2);
}

/** The qualities of a model: a distilled one has certain numbers of steps only. */
export function qualitiesOf(model: Model | undefined): (typeof QUALITIES)[number][] {
  return QUALITIES.filter((quality) => quality === "standard" || !model?.steps || model.steps.includes(stepsFor(quality, model) ?? 0));
}

export function qualityOf(settings: Settings, model: Model | undefined): Quality {
  const steps = settings.num_inference_steps ?? null;
  const known = ["standard", "draft", "high"] as const;
  return known.find((quality) => stepsFor(quality, model) === steps) ?? "custom";
}
