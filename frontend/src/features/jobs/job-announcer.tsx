"use client";
import { usePathname } from "next/navigation";
import { useEffect, useRef } from "react";
import { announce } from "@/components/live-region";
import { useTranslations } from "@/lib/i18n";
import { usePreferences } from "@/lib/preferences";
import { showNotification } from "./notifications";
import { isOpen, promptOf, sorted, totalProgress, type Job } from "./job";
import { useJobStore } from "./store";

/** What a change of a job is worth saying: another status or stage, no percents. */
export function changeToAnnounce(old: Job | undefined, job: Job): "status" | "stage" | null {
  if (!old || job.sending) return null;
  if (old.status !== job.status) return "status";
  return job.status === "running" && job.progress.stage && old.progress.stage !== job.progress.stage ? "stage" : null;
}

/** Announces jobs outside of their cards: live region, title of the tab, notifications of the browser. */
export function JobAnnouncer() {
  const t = useTranslations("jobs");
  const jobs = useJobStore((state) => state.jobs);
  const notifications = usePreferences((preferences) => preferences.notifications);
  const before = useRef(jobs);
  useEffect(() => {
    const old = before.current;
    before.current = jobs;
    for (const job of jobs.values()) {
      const change = changeToAnnounce(old.get(job.job_id), job);
      if (!change) continue;
      const stage = job.progress.stage;
      const state = change === "stage" && stage ? t(`stages.${stage}`) : t(`status.${job.status}`);
      announce(t("announce", { prompt: promptOf(job), state }));
      if (change === "status" && !isOpen(job)) notify(job, notifications, t);
    }
  }, [jobs, notifications, t]);
  useTabTitle();
  return null;
}

function notify(job: Job, wanted: boolean, t: ReturnType<typeof useTranslations<"jobs">>): void {
  const shown = document.visibilityState === "visible" || job.status === "canceled";
  if (!wanted || shown) return;
  showNotification(t(job.status === "succeeded" ? "notifyTitle" : "notifyFailed"), { body: promptOf(job), tag: job.job_id });
}

const PROGRESS_PREFIX = /^\d+\s?% · /;

/** The progress of all open jobs, before the title of the page. */
function useTabTitle(): void {
  const t = useTranslations("jobs");
  const path = usePathname();
  const progress = useJobStore((state) => totalProgress(sorted(state.jobs).open));
  const percent = progress === null ? null : Math.floor(progress * 100);
  useEffect(() => {
    const write = () => {
      const page = document.title.replace(PROGRESS_PREFIX, "");
      const title = percent === null ? page : t("titleProgress", { percent, page });
      if (document.title !== title) document.title = title;
    };
    write();
    // Navigation sets the title of the new page later.
    const timer = setTimeout(write, 300);
    return () => clearTimeout(timer);
  }, [percent, path, t]);
}
