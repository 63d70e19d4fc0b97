"use client";
import { ProgressBar } from "@/components/progress-bar";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { STAGES, isOpen, type Job, type Stage } from "./job";

/** How wide a stage is drawn: roughly the share of the time that it takes. */
const WEIGHTS: Record<Stage, string> = {
  preprocess: "grow-[1]",
  generate: "grow-[5]",
  interpolate: "grow-[2]",
  upscale: "grow-[3]",
  postprocess: "grow-[1.5]",
};

/** The five stages as one strip; each is a progress bar of its own. */
export function StageTrack({ job }: { job: Job }) {
  const t = useTranslations("jobs");
  return (
    <ol className="flex gap-1">
      {STAGES.map((name) => {
        const stage = job.progress.stages?.find((one) => one.name === name);
        const status = stage?.status ?? "pending";
        const value = status === "done" ? 1 : status === "running" ? (stage?.value ?? 0) : 0;
        const running = status === "running" && isOpen(job);
        const state = running ? "running" : status === "done" || status === "skipped" ? status : "pending";
        return (
          <li key={name} className={cx("grid min-w-6 basis-0 gap-1.5", WEIGHTS[name])}>
            <ProgressBar
              label={t(`stages.${name}`)}
              value={value}
              text={t(`stageState.${state}`, { percent: Math.round(value * 100) })}
              active={running}
              className={cx(status === "skipped" && "opacity-40")}
            />
            <span
              aria-hidden
              className={cx("truncate text-s max-sm:hidden", running ? "text-fg" : "text-placeholder", name !== "generate" && !running && "max-lg:invisible")}
            >
              {t(`stages.${name}`)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
