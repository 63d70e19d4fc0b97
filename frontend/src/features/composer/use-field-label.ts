import { useTranslations } from "@/lib/i18n";
import { DEFAULTS, type SettingName } from "./settings";

/** Fields whose label is a message of another name. */
const LABELS: Partial<Record<SettingName, "enhance" | "image">> = { enhance_prompt: "enhance", image_from: "image" };

export function isField(name: string | undefined): name is SettingName | "prompt" {
  return name === "prompt" || (name !== undefined && name in DEFAULTS);
}

/** The label of a field of the request. */
export function useFieldLabel(): (name: SettingName | "prompt") => string {
  const t = useTranslations("composer");
  return (name) => t((name !== "prompt" && LABELS[name]) || (name as "prompt"));
}
