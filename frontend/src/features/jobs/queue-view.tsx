"use client";
import { useEffect, useId, type ReactNode } from "react";
import { ErrorView, Skeleton } from "@/components/states";
import { useTranslations } from "@/lib/i18n";
import { RECENT, fetchJobs, fetchRecent } from "./api";
import { EndedCard } from "./ended-card";
import { sorted, type Request } from "./job";
import { JobCard } from "./job-card";
import { NotifySwitch } from "./notify-switch";
import { useJobStore } from "./store";

type Props = { heading?: "h1" | "h2"; empty: ReactNode; recent?: number; onUseSettings?: (spec: Request) => void };

/** The jobs that wait and run, and below them those that have ended. */
export function QueueView({ heading: Heading = "h2", empty, recent = RECENT, onUseSettings }: Props) {
  const t = useTranslations("jobs");
  const headingId = useId();
  const { jobs, loaded, error } = useJobStore();
  const { open, ended } = sorted(jobs);
  useEffect(() => {
    if (loaded && recent > RECENT) void fetchRecent(recent).catch(() => undefined);
  }, [loaded, recent]);
  return (
    <div className="grid min-w-0 content-start gap-10">
      <section id="queue" aria-labelledby={headingId} className="grid grid-cols-[minmax(0,1fr)] gap-4">
        <div className="flex items-center justify-between gap-4">
          <Heading id={headingId} className="text-l font-semibold">
            {t("queue")}
          </Heading>
          <NotifySwitch />
        </div>
        {error ? <ErrorView error={error} title={t("loadFailed")} onRetry={() => void fetchJobs().catch(() => undefined)} /> : null}
        {!loaded && !error ? <QueueSkeleton /> : null}
        {loaded && open.length === 0 ? empty : null}
        {open.map((job) => (
          <JobCard key={job.sending?.key ?? job.job_id} job={job} onUseSettings={onUseSettings} />
        ))}
      </section>
      {ended.length > 0 ? (
        <section className="grid gap-4">
          <h2 className="text-l font-semibold">{t("recent")}</h2>
          <div className="grid grid-cols-2 gap-x-4 gap-y-6 sm:grid-cols-[repeat(auto-fill,minmax(11rem,1fr))]">
            {ended.slice(0, recent).map((job) => (
              <EndedCard key={job.job_id} job={job} onUseSettings={onUseSettings} />
            ))}
          </div>
        </section>
      ) : null}
    </div>
  );
}

function QueueSkeleton() {
  return <Skeleton className="h-[6.5rem] rounded-l sm:h-[9.5rem]" />;
}
