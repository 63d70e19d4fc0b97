"use client";
import { Badge } from "@/components/chip";
import { ErrorView, Skeleton, StateView } from "@/components/states";
import { Table } from "@/components/table";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { useWorkers } from "./api";
import { useMoment } from "./figure";
import { stageReplicas, type Worker } from "./figures";
import { HeldJobs } from "./held-jobs";
import { SystemChecks } from "./system-checks";
import { useStageName } from "./use-stage-name";

/** The dispatchers, what they hold, and the stages behind them. */
export function WorkersSection() {
  const t = useTranslations("admin");
  const { data, isPending, isError, error, refetch } = useWorkers();
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
      <p className="text-s text-muted">{t("workersLead")}</p>
      <SystemChecks />
      {isPending ? <Skeleton className="h-64 rounded-l" /> : null}
      {isError && !data ? <ErrorView error={error} onRetry={() => void refetch()} /> : null}
      {data?.data.length === 0 ? <StateView title={t("workersEmpty")}>{t("workersEmptyHelp")}</StateView> : null}
      {data && data.data.length > 0 ? (
        <>
          <Table label={t("workers")} head={[t("worker"), t("state"), t("jobs"), t("replicas"), t("version"), t("since"), t("seen")]}>
            {data.data.map((worker) => (
              <WorkerRow key={worker.owner} worker={worker} />
            ))}
          </Table>
          <HeldJobs workers={data.data} more={data.more_jobs} />
        </>
      ) : null}
      {data && data.stages.length > 0 ? <StageSpeeds stages={data.stages} /> : null}
    </div>
  );
}

function WorkerRow({ worker }: { worker: Worker }) {
  const t = useTranslations("admin");
  const moment = useMoment();
  const stageName = useStageName();
  const stages = stageReplicas(worker.replicas);
  return (
    <tr>
      <td className="min-w-48 [overflow-wrap:anywhere]">{worker.owner}</td>
      <td>
        <Badge tone={worker.state === "running" ? "success" : "danger"}>{t(`workerStates.${worker.state}`)}</Badge>
      </td>
      <td className="tabular whitespace-nowrap">
        {worker.capacity === null ? worker.jobs.length : t("jobsOf", { count: worker.jobs.length, capacity: worker.capacity })}
      </td>
      <td className="min-w-88">
        <span className="flex flex-wrap gap-1.5">
          {stages.length === 0 ? "–" : null}
          {stages.map(({ stage, running, others }) => (
            <Badge key={stage} tone={running === 0 ? "danger" : others > 0 ? "warning" : "neutral"}>
              {others > 0 ? t("replicasOf", { stage: stageName(stage), running, total: running + others }) : `${stageName(stage)} ${running}`}
            </Badge>
          ))}
        </span>
      </td>
      <td className="whitespace-nowrap text-muted">{worker.version ?? t("earlier")}</td>
      <td className="tabular whitespace-nowrap text-muted">{worker.started_at ? moment(worker.started_at) : "–"}</td>
      <td className="tabular whitespace-nowrap text-muted">{worker.seen_at ? moment(worker.seen_at) : "–"}</td>
    </tr>
  );
}

type Speeds = NonNullable<ReturnType<typeof useWorkers>["data"]>["stages"];

function StageSpeeds({ stages }: { stages: Speeds }) {
  const t = useTranslations("admin");
  const format = useFormatter();
  const moment = useMoment();
  const stageName = useStageName();
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <h2 className="font-medium">{t("speeds")}</h2>
      <Table label={t("speeds")} head={[t("stage"), t("model"), t("secondsPerUnit"), t("samplesHead"), t("measuredAt")]}>
        {stages.map((speed) => (
          <tr key={`${speed.stage} ${speed.model}`}>
            <td>{stageName(speed.stage)}</td>
            <td className="[overflow-wrap:anywhere]">{speed.model}</td>
            <td className="tabular">{format.number(speed.seconds_per_unit, { maximumSignificantDigits: 3 })}</td>
            <td className="tabular">{format.number(speed.samples)}</td>
            <td className="tabular whitespace-nowrap text-muted">{moment(speed.updated_at)}</td>
          </tr>
        ))}
      </Table>
    </div>
  );
}
