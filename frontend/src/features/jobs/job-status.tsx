"use client";
import { useErrorText } from "@/components/states";
import { useTranslations } from "@/lib/i18n";
import { useTimeLeft } from "./duration";
import { STAGES, type Job } from "./job";

/** One line: where the job is, and for how long. */
export function useJobStatus(): (job: Job) => string {
  const t = useTranslations("jobs");
  const timeLeft = useTimeLeft();
  const errorText = useErrorText();
  return (job) => {
    if (job.sending) return job.sending.error ? errorText(job.sending.error) : t("status.sending");
    if (job.status === "queued") return waiting(job, t);
    if (job.status === "failed") return failure(job, t);
    if (job.status !== "running") return t(`status.${job.status}`);
    const { stage, step, steps } = job.progress;
    const where = [
      stage ? t(`stages.${stage}`) : t("status.running"),
      step && steps ? t("step", { step, steps }) : null,
      job.eta_seconds === null ? null : timeLeft(job.eta_seconds),
    ];
    return where.filter(Boolean).join(" · ");
  };
}

type Translate = ReturnType<typeof useTranslations<"jobs">>;

function waiting(job: Job, t: Translate): string {
  if (!job.queue_position) return t("status.queued");
  return job.queue_position === 1 ? t("next") : t("position", { position: job.queue_position });
}

type FailureCode = "internal_error";

/** The error of a failed job, as far as there are words for it. */
export function failureCode(job: Job, t: Translate): FailureCode {
  const code = job.error?.code as FailureCode | undefined;
  return code && t.has(`errors.${code}`) ? code : "internal_error";
}

function failure(job: Job, t: Translate): string {
  const text = t(`errors.${failureCode(job, t)}`);
  const stage = STAGES.find((name) => name === job.error?.stage);
  // The message of a refused request names what to change, so it is shown.
  const detail = job.error?.code === "refused" ? ` ${job.error.message}` : "";
  return `${stage ? `${t("failedIn", { stage: t(`stages.${stage}`) })}. ` : ""}${text}${detail}`;
}
