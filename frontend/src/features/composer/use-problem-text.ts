import type { Model } from "@/features/models/api";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import { limitsOf, type Problem } from "./settings";

/** What to change so that a request is valid. */
export function useProblemText(): (problem: Problem, model: Model | undefined) => string {
  const t = useTranslations("composer.errors");
  return (problem, model) => {
    if (problem.key === "range") return t("range", limitsOf(problem.field as "width" | "loras"));
    if (problem.key === "tooLong") return t("tooLong", { limit: LIMITS.prompt.maxLength });
    if (problem.key === "seconds") return t("seconds", { model: model?.title ?? "", seconds: model?.max_seconds ?? 0 });
    if (problem.key === "imageNeeded") return t("imageNeeded", { model: model?.title ?? "" });
    return t(problem.key, "seconds" in problem ? { seconds: problem.seconds } : undefined);
  };
}
