"use client";
import { ErrorView, Skeleton } from "@/components/states";
import { useDuration } from "@/features/jobs/duration";
import { useTranslations } from "@/lib/i18n";
import { useQueue } from "./api";
import { Figure, Figures, useCount } from "./figure";
import { STATES } from "./figures";
import { HoursChart } from "./hours-chart";

/** What waits, what runs, and how the last 24 hours went. */
export function QueueSection() {
  const t = useTranslations("admin");
  const count = useCount();
  const duration = useDuration();
  const { data, isPending, isError, error, refetch } = useQueue();
  const seconds = (value: number | null) => (value === null ? "–" : duration(value));
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
      <p className="text-s text-muted">{t("queueLead")}</p>
      {isPending ? <Skeleton className="h-96 rounded-l" /> : null}
      {isError && !data ? <ErrorView error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <>
          <Figures label={t("nowTitle")}>
            <Figure label={t("waiting")} value={count(data.waiting)} />
            <Figure label={t("running")} value={count(data.running)} />
            <Figure label={t("usersWaiting")} value={count(data.users_waiting)} />
            <Figure label={t("oldest")} value={seconds(data.oldest_waiting_seconds)} />
            <Figure label={t("medianWait")} value={seconds(data.median_wait_seconds)} note={t("samples", { count: data.samples })} />
            <Figure label={t("medianRun")} value={seconds(data.median_run_seconds)} note={t("samples", { count: data.samples })} />
          </Figures>
          <Figures label={t("dayTitle")}>
            {STATES.map((state) => (
              <Figure key={state} label={t(`ended.${state}`)} value={count(data.last_day[state])} note={t("lastDay")} />
            ))}
          </Figures>
          <HoursChart hours={data.hours} />
        </>
      ) : null}
    </div>
  );
}
