"use client";
import { toast } from "@/components/toaster";
import { useErrorText } from "@/components/states";
import { useShortcuts } from "@/lib/use-shortcuts";
import { cancel } from "./api";
import { sorted } from "./job";
import { useJobStore } from "./store";

/** Shift+X cancels the job that runs, or the next one. */
export function useCancelCurrent(): void {
  const errorText = useErrorText();
  useShortcuts({
    "shift+x": () => {
      const { open } = sorted(useJobStore.getState().jobs);
      const current = open.find((job) => job.status === "running") ?? open.find((job) => !job.sending);
      if (current) cancel(current).catch((error: unknown) => toast(errorText(error), { tone: "danger" }));
    },
  });
}
