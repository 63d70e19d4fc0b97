"use client";
import { ProgressBar } from "@/components/progress-bar";
import { Table } from "@/components/table";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { useMoment } from "./figure";
import type { Worker } from "./figures";
import { ShortId } from "./short-id";
import { useStageName } from "./use-stage-name";

/** The running jobs, by the worker that holds them. */
export function HeldJobs({ workers, more }: { workers: Worker[]; more: boolean }) {
  const t = useTranslations("admin");
  const format = useFormatter();
  const moment = useMoment();
  const stageName = useStageName();
  const jobs = workers.flatMap((worker) => worker.jobs.map((job) => ({ ...job, owner: worker.owner })));
  if (jobs.length === 0) return <p className="text-s text-muted">{t("heldEmpty")}</p>;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <h2 className="font-medium">{t("held")}</h2>
      <Table label={t("held")} head={[t("job"), t("worker"), t("user"), t("attempt"), t("stage"), t("progress"), t("since"), t("lease")]}>
        {jobs.map((job) => (
          <tr key={job.job_id}>
            <td>
              <ShortId id={job.job_id} />
            </td>
            <td className="min-w-48 [overflow-wrap:anywhere]">{job.owner}</td>
            <td>
              <ShortId id={job.user_id} />
            </td>
            <td className="tabular">{job.attempt}</td>
            <td className="whitespace-nowrap">{job.cancel_requested ? t("canceling") : stageName(job.stage)}</td>
            <td className="min-w-32">
              <ProgressBar label={t("progress")} value={job.value} text={format.number(job.value, { style: "percent" })} />
            </td>
            <td className="tabular whitespace-nowrap text-muted">{moment(job.started_at)}</td>
            <td className="tabular whitespace-nowrap text-muted">{moment(job.lease_expires_at)}</td>
          </tr>
        ))}
      </Table>
      {more ? <p className="text-s text-muted">{t("heldMore", { count: jobs.length })}</p> : null}
    </div>
  );
}
