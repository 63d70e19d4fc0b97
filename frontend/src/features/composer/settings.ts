/** The settings of a request: their defaults and limits (from the gateway's schema), and what fits together. */
import { LIMITS } from "@/lib/api/limits.gen";
import type { Request, Spec } from "@/features/jobs/job";
import type { Model } from "@/features/models/api";

export type Settings = Omit<Spec, "prompt">;
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
  prompt_travel: {},
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
  return { prompt: prompt.trim(), ...changed({ ...settings, seed }) };
}

/** The settings of an earlier request. Fields that this version does not have are left out. */
export function settingsOf(request: Request): Settings {
  const known = Object.keys(DEFAULTS).filter((name) => name in request) as SettingName[];
  return { ...DEFAULTS, ...Object.fromEntries(known.map((name) => [name, request[name]])) };
}

export type Off = Partial<Record<SettingName, { key: "loop" | "image" | "prompt_travel" | "travelLoop" | "motion" | "loras" | "denoise" | "steps" }>>;

/** The settings that cannot apply, and why. */
export function inapplicable(settings: Settings, model: Model | undefined): Off {
  const off: Off = {};
  if (settings.upscaler !== "fast") off.denoise_strength = { key: "denoise" };
  if (!model) return off;
  if (!model.loop) off.loop = { key: "loop" };
  if (!model.image) Object.assign(off, { image: { key: "image" }, image_from: { key: "image" } });
  if (!model.prompt_travel) off.prompt_travel = { key: "prompt_travel" };
  else if (settings.loop && model.loop) off.prompt_travel = { key: "travelLoop" };
  if (model.loras.length === 0) Object.assign(off, { loras: { key: "loras" }, motion: { key: "motion" } });
  return off;
}

/** The settings without those that cannot apply: they keep their values in the form, and are not sent. */
export function applicable(settings: Settings, model: Model | undefined): Settings {
  const off = Object.keys(inapplicable(settings, model)) as SettingName[];
  const reset = Object.fromEntries(off.map((name) => [name, DEFAULTS[name]]));
  const style = settings.style && model && !model.styles.includes(settings.style) ? null : settings.style;
  const scheduler = settings.scheduler && model && !model.schedulers.includes(settings.scheduler) ? null : settings.scheduler;
  return { ...settings, style, scheduler, ...reset };
}

export type Problem =
  | { field: "prompt"; key: "prompt" | "tooLong" }
  | { field: SettingName; key: "even" | "range" | "ratio" | "pixels" | "gif" | "seconds" };

const NUMBERS = ["num_inference_steps", "guidance_scale", "width", "height", "fps", "duration_seconds", "seed", "denoise_strength"] as const;

export function limitsOf(field: (typeof NUMBERS)[number]): { minimum: number; maximum: number } {
  return LIMITS[field];
}

/** The first thing that the gateway would refuse; null if the request is valid. */
export function problemOf(prompt: string, settings: Settings, model: Model | undefined): Problem | null {
  if (!prompt.trim()) return { field: "prompt", key: "prompt" };
  if (prompt.length > LIMITS.prompt.maxLength) return { field: "prompt", key: "tooLong" };
  for (const field of NUMBERS) {
    const value = settings[field];
    if (value === null || value === undefined) continue;
    const { minimum, maximum } = limitsOf(field);
    if (!(value >= minimum && value <= maximum)) return { field, key: "range" };
  }
  const { width, height, fps, format, duration_seconds } = settings;
  if (width % 2) return { field: "width", key: "even" };
  if (height % 2) return { field: "height", key: "even" };
  if (Math.max(width, height) > MAX_RATIO * Math.min(width, height)) return { field: "width", key: "ratio" };
  if (width * height * framesOf(settings) > MAX_VIDEO_PIXELS) return { field: "duration_seconds", key: "pixels" };
  if (format === "gif" && fps > MAX_GIF_FPS) return { field: "fps", key: "gif" };
  if (model?.max_seconds && duration_seconds > model.max_seconds) return { field: "duration_seconds", key: "seconds" };
  return null;
}

export const RATIOS = { square: [512, 512], wide: [640, 360], tall: [360, 640] } as const;
export type Ratio = keyof typeof RATIOS | "custom";

export function ratioOf({ width, height }: Settings): Ratio {
  const names = Object.keys(RATIOS) as (keyof typeof RATIOS)[];
  return names.find((name) => RATIOS[name][0] === width && RATIOS[name][1] === height) ?? "custom";
}

export type Quality = "draft" | "standard" | "high" | "custom";

/** The number of steps for a quality: half of the model's, the model's own, or twice as many. */
export function stepsFor(quality: Exclude<Quality, "custom">, model: Model | undefined): number | null {
  if (quality === "standard" || !model) return null;
  const steps = model.num_inference_steps;
  const { minimum, maximum } = limitsOf("num_inference_steps");
  return quality === "draft" ? Math.max(minimum, Math.ceil(steps / 2)) : Math.min(maximum, steps * 2);
}

export function qualityOf(settings: Settings, model: Model | undefined): Quality {
  const steps = settings.num_inference_steps ?? null;
  const known = ["standard", "draft", "high"] as const;
  return known.find((quality) => stepsFor(quality, model) === steps) ?? "custom";
}
