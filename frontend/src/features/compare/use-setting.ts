"use client";
import { useTranslations } from "@/lib/i18n";

/** The names of settings and of their values. What this version does not know is shown as the API has it. */
export function useSetting() {
  const own = useTranslations("compare.fields");
  const composer = useTranslations("composer");
  const common = useTranslations("common");
  return {
    nameOf: (field: string) => {
      if (own.has(field as "frames")) return own(field as "frames");
      return composer.has(field as "prompt") ? composer(field as "prompt") : field;
    },
    valueOf: (field: string, value: unknown): unknown => {
      if (typeof value === "boolean") return common(value ? "on" : "off");
      const sampler = `schedulers.${String(value)}` as "schedulers.own";
      return field === "scheduler" && composer.has(sampler) ? composer(sampler) : value;
    },
  };
}
