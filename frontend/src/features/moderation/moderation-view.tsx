"use client";
import { useState } from "react";
import { MousePointerClick, ShieldCheck } from "lucide-react";
import { Badge } from "@/components/chip";
import { LoadMore } from "@/components/load-more";
import { Segmented } from "@/components/segmented";
import { ErrorView, Skeleton, StateView } from "@/components/states";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { useReports, type Queued, type State } from "./api";
import { grouped, nextAfter } from "./grouped";
import { ModeratedVideo } from "./moderated-video";

/** The queue of reports beside the video that is examined. */
export function ModerationView() {
  const t = useTranslations("moderation");
  const [state, setState] = useState<State>("open");
  const [chosen, setChosen] = useState<string | null>(null);
  const reports = useReports(state);
  const entries = grouped(reports.data?.pages.flatMap((page) => page.data) ?? []);
  const shown = chosen ?? (state === "open" ? (entries[0]?.video_id ?? null) : null);
  return (
    <>
      <div className="mb-6 flex flex-wrap items-center justify-between gap-4">
        <h1 className="text-l font-semibold">{t("title")}</h1>
        <div className="w-56">
          <Segmented
            label={t("state")}
            hideLabel
            value={state}
            onChange={(next) => {
              setState(next);
              setChosen(null);
            }}
            options={[
              { value: "open", label: t("open") },
              { value: "closed", label: t("closed") },
            ]}
          />
        </div>
      </div>
      <div className="grid gap-8 lg:grid-cols-[22rem_minmax(0,1fr)] lg:items-start">
        <section aria-label={t("queue")} className="grid content-start gap-3">
          {reports.isPending ? <QueueSkeleton /> : null}
          {reports.isError ? <ErrorView error={reports.error} title={t("loadFailed")} onRetry={() => void reports.refetch()} /> : null}
          {reports.isSuccess && entries.length === 0 ? (
            <StateView title={t("emptyTitle")} icon={<ShieldCheck aria-hidden />}>
              {t(state === "open" ? "empty" : "closedEmpty")}
            </StateView>
          ) : null}
          <ul className="grid gap-1">
            {entries.map((entry) => (
              <li key={entry.id}>
                <QueueEntry entry={entry} current={entry.video_id === shown} onChoose={() => setChosen(entry.video_id)} />
              </li>
            ))}
          </ul>
          {reports.hasNextPage ? <LoadMore key={entries.length} onNear={() => void reports.fetchNextPage({ cancelRefetch: false })} /> : null}
        </section>
        {shown ? (
          <ModeratedVideo
            key={shown}
            id={shown}
            reason={entries.find((entry) => entry.video_id === shown)?.reason}
            onDecided={() => setChosen(state === "open" ? nextAfter(entries, shown) : shown)}
          />
        ) : entries.length > 0 ? (
          <StateView title={t("choose")} icon={<MousePointerClick aria-hidden />} />
        ) : null}
      </div>
    </>
  );
}

function QueueEntry({ entry, current, onChoose }: { entry: Queued; current: boolean; onChoose: () => void }) {
  const t = useTranslations("moderation");
  const reasons = useTranslations("published.reasons");
  const format = useFormatter();
  const urgent = entry.reason === "minors" || entry.reason === "ncii";
  return (
    <button
      type="button"
      aria-current={current || undefined}
      onClick={onChoose}
      className={cx("grid w-full gap-1 rounded-s px-3 py-2.5 text-left text-s transition-colors", current ? "bg-raised" : "hover:bg-raised")}
    >
      <span className="flex flex-wrap items-center justify-between gap-2">
        <span className={cx("font-medium", urgent && "text-danger")}>{reasons(entry.reason)}</span>
        <time dateTime={entry.created_at} className="text-muted">
          {format.relativeTime(new Date(entry.created_at), new Date())}
        </time>
      </span>
      {entry.details ? <span className="line-clamp-2 text-muted [overflow-wrap:anywhere]">{entry.details}</span> : null}
      {entry.reports_of_video > 1 ? (
        <span>
          <Badge tone="warning">{t("reportsOf", { count: entry.reports_of_video })}</Badge>
        </span>
      ) : null}
    </button>
  );
}

export function QueueSkeleton() {
  return (
    <>
      <Skeleton className="h-16" />
      <Skeleton className="h-16" />
      <Skeleton className="h-16" />
    </>
  );
}
