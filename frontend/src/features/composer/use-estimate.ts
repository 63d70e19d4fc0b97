"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useSession } from "@/features/auth/use-session";
import { useJobStore } from "@/features/jobs/store";
import { api, unwrap, type Schemas } from "@/lib/api/client";
import { changed, type SettingName, type Settings } from "./settings";
import { useSettled } from "./use-settled";

const SETTLE_MS = 300;
/** What the working time depends on. The prompt does not count, but a request has one. */
const COUNTING: SettingName[] = ["model", "num_inference_steps", "width", "height", "fps", "duration_seconds", "loop"];
const ANY_PROMPT = "any";

export function estimateRequestOf(settings: Settings): Partial<Schemas["Spec"]> & { prompt: string } {
  const entries = Object.entries(changed(settings)).filter(([name]) => COUNTING.includes(name as SettingName));
  return { prompt: ANY_PROMPT, ...Object.fromEntries(entries) };
}

/** Seconds from the start of a job to its end, by the gateway's measurements; null while they are unknown. */
export function useEstimate(settings: Settings, valid: boolean): number | null {
  const signedIn = useSession() === "signed-in";
  // Each finished job is a new measurement.
  const finished = useJobStore(({ jobs }) => [...jobs.values()].filter((job) => job.status === "succeeded").length);
  const body = useSettled(JSON.stringify(estimateRequestOf(settings)), SETTLE_MS);
  const estimate = useQuery({
    queryKey: ["estimate", body, finished],
    queryFn: () => unwrap(api.POST("/api/generate/estimate", { body: JSON.parse(body) as Schemas["Spec"] })),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    gcTime: 60_000,
    enabled: signedIn && valid,
  });
  return estimate.data?.seconds ?? null;
}
