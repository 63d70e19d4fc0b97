"use client";
import { useState } from "react";
import { toast } from "@/components/toaster";
import { submit } from "@/features/jobs/api";
import { useModels, useStyles, type Model } from "@/features/models/api";
import { useSession } from "@/features/auth/use-session";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import { randomInteger } from "@/lib/random";
import { useDraft } from "./draft";
import { applicable, problemOf, requestOf, type Settings } from "./settings";
import { useRefusalText } from "./use-refusal-text";

const MAX_VARIATIONS = 8;
export const VARIATIONS = Array.from({ length: MAX_VARIATIONS }, (_, index) => index + 1);

/** The seeds of n variations: the chosen one and those after it, or drawn ones. One without a seed: the server draws. */
export function seedsOf(seed: number | null, variations: number): (number | null)[] {
  if (variations === 1) return [seed];
  const first = seed ?? randomInteger(LIMITS.seed.maximum);
  return Array.from({ length: variations }, (_, index) => (first + index) % (LIMITS.seed.maximum + 1));
}

/** The model of the draft; without a choice, the server's own. */
export function useChosenModel(): { models: ReturnType<typeof useModels>; model: Model | undefined } {
  const signedIn = useSession() === "signed-in";
  const name = useDraft((draft) => draft.settings.model);
  const models = useModels(signedIn);
  const fallback = models.data?.find((one) => one.default) ?? models.data?.[0];
  return { models, model: models.data?.find((one) => one.name === name) ?? fallback };
}

export function useComposer() {
  const draft = useDraft();
  const { models, model } = useChosenModel();
  const styles = useStyles(useSession() === "signed-in").data ?? [];
  const settings: Settings = applicable(draft.settings, model);
  const problem = problemOf(draft.prompt, settings, model);
  const [tried, setTried] = useState(false);
  const refusalText = useRefusalText();
  const t = useTranslations("composer");

  /** Queues the videos. False if the form is not valid. */
  const generate = (): boolean => {
    setTried(Boolean(problem));
    if (problem) return false;
    const { prompt, variations } = draft;
    draft.remember(prompt.trim());
    const seeds = seedsOf(settings.seed ?? null, variations);
    const sent = seeds.map((seed) => submit(requestOf(prompt, settings, seed)));
    void Promise.allSettled(sent).then((results) => {
      const failed = results.find((result) => result.status === "rejected");
      if (failed) toast(refusalText(failed.reason), { tone: "danger" });
      else toast(t("queued", { count: results.length }));
    });
    return true;
  };
  return { draft, models, model, styles, settings, problem: tried ? problem : null, invalid: problem !== null, generate };
}
