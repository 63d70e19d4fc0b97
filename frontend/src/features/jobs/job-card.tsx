"use client";
import { useMutation } from "@tanstack/react-query";
import { Copy, Ellipsis, Film, RotateCw, X } from "lucide-react";
import { Button, IconButton } from "@/components/button";
import { Badge } from "@/components/chip";
import { Menu, MenuItem } from "@/components/menu";
import { useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { mediaUrl } from "@/lib/api/media";
import { useTranslations } from "@/lib/i18n";
import { useMotionAllowed } from "@/lib/use-media";
import { cx } from "@/lib/cx";
import { cancel, submit } from "./api";
import { isOpen, promptOf, type Job, type Request } from "./job";
import { useJobStatus } from "./job-status";
import { StageTrack } from "./stage-track";
import { jobStore } from "./store";
import { SwapImage } from "./swap-image";

type Props = { job: Job; onUseSettings?: (spec: Request) => void };

/** A job that waits or runs: what it draws, its five stages, and how to stop it. */
export function JobCard({ job, onUseSettings }: Props) {
  const t = useTranslations("jobs");
  const status = useJobStatus();
  const prompt = promptOf(job);
  const failed = Boolean(job.sending?.error);
  const seed = seedOf(job);
  return (
    <article aria-label={prompt} className="grid animate-rise grid-cols-[5rem_minmax(0,1fr)] gap-4 rounded-l bg-surface p-3 hairline sm:grid-cols-[8rem_minmax(0,1fr)]">
      <JobPreview job={job} />
      <div className="grid min-w-0 content-between gap-3 py-1">
        <div className="flex items-start gap-2">
          <div className="min-w-0 flex-1">
            <p className="line-clamp-2 font-medium [overflow-wrap:anywhere]">{prompt}</p>
            <p className={cx("tabular text-s", failed ? "text-danger" : "text-muted")}>
              {status(job)}
              {seed === null ? null : <span className="max-sm:hidden"> · {t("seed", { seed })}</span>}
            </p>
          </div>
          <JobActions job={job} onUseSettings={onUseSettings} />
        </div>
        <StageTrack job={job} />
      </div>
    </article>
  );
}

/** Tells the variations of a prompt apart. A seed that the server draws is not known before. */
function seedOf(job: Job): string | null {
  const { seed } = job.spec as { seed?: unknown };
  return typeof seed === "number" ? String(seed) : null;
}

function JobPreview({ job }: { job: Job }) {
  const t = useTranslations("jobs");
  const motion = useMotionAllowed();
  const src = mediaUrl(job.preview_url);
  const active = job.status === "running";
  return (
    <div className="relative aspect-square overflow-hidden rounded-s bg-raised">
      {src && motion ? (
        <SwapImage src={src} alt={t("preview", { prompt: promptOf(job) })} className="size-full object-cover" />
      ) : (
        <span className={cx("grid size-full place-items-center text-placeholder", active && "animate-breathe")}>
          <Film aria-hidden className="size-6" />
        </span>
      )}
    </div>
  );
}

function JobActions({ job, onUseSettings }: Props) {
  const t = useTranslations("jobs");
  const common = useTranslations("common");
  const errorText = useErrorText();
  const fail = (error: unknown) => toast(errorText(error), { tone: "danger" });
  const stop = useMutation({ mutationFn: () => cancel(job), onError: fail });
  const again = useMutation({ mutationFn: () => submit(job.spec as Request, job.job_id), onError: fail });
  if (job.sending?.error) {
    return (
      <span className="flex gap-1">
        <Button size="s" busy={again.isPending} icon={<RotateCw aria-hidden className="size-4" />} onClick={() => again.mutate()}>
          {common("retry")}
        </Button>
        <IconButton name={common("dismiss")} size="s" onClick={() => jobStore.remove(job.job_id)}>
          <X aria-hidden />
        </IconButton>
      </span>
    );
  }
  if (job.status === "canceling") return <Badge>{t("status.canceling")}</Badge>;
  if (!isOpen(job) || job.sending) return null;
  return (
    <span className="flex">
      <Button size="s" kind="quiet" busy={stop.isPending} icon={<X aria-hidden className="size-4 sm:hidden" />} title={t("cancel")} onClick={() => stop.mutate()}>
        <span className="max-sm:sr-only">{t("cancel")}</span>
      </Button>
      {onUseSettings ? (
        <Menu
          trigger={
            <IconButton name={common("more")} size="s">
              <Ellipsis aria-hidden />
            </IconButton>
          }
        >
          <MenuItem icon={<Copy aria-hidden />} onSelect={() => onUseSettings(job.spec as Request)}>
            {t("clone")}
          </MenuItem>
        </Menu>
      ) : null}
    </span>
  );
}
