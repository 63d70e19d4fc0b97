"use client";
import { useMutation } from "@tanstack/react-query";
import { CircleSlash, Copy, Download, Ellipsis, Play, RotateCw, Trash2, TriangleAlert, VideoOff } from "lucide-react";
import Link from "next/link";
import { useState, type ReactNode } from "react";
import { Button, IconButton } from "@/components/button";
import { Badge } from "@/components/chip";
import { CopyField } from "@/components/copy-field";
import { Menu, MenuItem } from "@/components/menu";
import { MovingPoster } from "@/components/moving-poster";
import { Skeleton, useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { ApiError } from "@/lib/api/errors";
import { mediaUrl } from "@/lib/api/media";
import { useTranslations } from "@/lib/i18n";
import { moveToTrash, restore, retry, useResult } from "./api";
import { promptOf, type Job, type Request } from "./job";
import { failureCode, useJobStatus } from "./job-status";

type Props = { job: Job; onUseSettings?: (spec: Request) => void };

/** A job that has ended: its video, or why there is none. */
export function EndedCard({ job, onUseSettings }: Props) {
  const t = useTranslations("jobs");
  const status = useJobStatus();
  const prompt = promptOf(job);
  const failed = job.status === "failed";
  return (
    <article aria-label={prompt} className="group grid animate-rise content-start gap-2">
      {job.status === "succeeded" ? (
        <EndedVideo job={job} />
      ) : (
        <NoVideo icon={failed ? <TriangleAlert aria-hidden className="size-5 text-danger" /> : <CircleSlash aria-hidden className="size-5" />} text={status(job)} />
      )}
      <div className="flex items-start gap-1">
        <p className="line-clamp-2 min-w-0 flex-1 pt-1 text-s [overflow-wrap:anywhere]">
          {job.video_id ? (
            <Link href={`/v/${job.video_id}`} className="hover:underline">
              {prompt}
            </Link>
          ) : (
            prompt
          )}
        </p>
        <EndedMenu job={job} onUseSettings={onUseSettings} />
      </div>
      {failed && failureCode(job, t) === "internal_error" ? <CopyField label={t("jobId")} value={job.job_id} takesFocus={false} /> : null}
      {job.warnings.length > 0 ? (
        <details className="text-s text-muted">
          <summary>
            <Badge tone="warning">{t("warnings")}</Badge>
          </summary>
          <ul className="mt-1 grid gap-1">
            {job.warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </details>
      ) : null}
    </article>
  );
}

function Frame({ children }: { children: ReactNode }) {
  return <div className="relative aspect-square overflow-hidden rounded-l bg-raised">{children}</div>;
}

function NoVideo({ icon, text, action }: { icon: ReactNode; text: string; action?: ReactNode }) {
  return (
    <Frame>
      <div className="grid size-full content-center justify-items-center gap-3 p-4 text-center text-s text-muted">
        {icon}
        <span className="line-clamp-5 [overflow-wrap:anywhere]">{text}</span>
        {action}
      </div>
    </Frame>
  );
}

const GONE = 410;

/** The poster; the video loads when it is played. */
function EndedVideo({ job }: { job: Job }) {
  const t = useTranslations("jobs");
  const common = useTranslations("common");
  const errorText = useErrorText();
  const result = useResult(job);
  const [playing, setPlaying] = useState(false);
  const output = (kind: string) => mediaUrl(result.data?.outputs.find((one) => one.kind === kind)?.url);
  const poster = output("poster");
  const video = output("video");
  const prompt = promptOf(job);
  if (!video && result.error) {
    const gone = result.error instanceof ApiError && result.error.status === GONE;
    const again = gone ? null : (
      <Button size="s" onClick={() => void result.refetch()}>
        {common("retry")}
      </Button>
    );
    return <NoVideo icon={<VideoOff aria-hidden className="size-5" />} text={errorText(result.error)} action={again} />;
  }
  if (!video) return <Skeleton className="aspect-square rounded-l" />;
  const isGif = result.data?.outputs.find((one) => one.kind === "video")?.content_type === "image/gif";
  if (playing && isGif) return <Frame><img src={video} alt={t("video", { prompt })} className="size-full object-contain" /></Frame>;
  if (playing) {
    return (
      <Frame>
        <video src={video} poster={poster ?? undefined} aria-label={t("video", { prompt })} controls autoPlay loop muted playsInline className="size-full object-contain" />
      </Frame>
    );
  }
  return (
    <Frame>
      <button
        type="button"
        onClick={() => setPlaying(true)}
        aria-label={`${t("play")}: ${prompt}`}
        className="absolute inset-0 grid place-items-center rounded-l"
      >
        <MovingPoster poster={poster} preview={output("preview")} alt="" fit="contain" className="absolute inset-0" />
        <span className="relative grid size-11 place-items-center rounded-full bg-black/60 text-white transition-opacity group-focus-within:opacity-0 group-hover:opacity-0">
          <Play aria-hidden className="size-5 translate-x-px fill-current" />
        </span>
      </button>
    </Frame>
  );
}

function EndedMenu({ job, onUseSettings }: Props) {
  const t = useTranslations("jobs");
  const common = useTranslations("common");
  const errorText = useErrorText();
  const result = useResult(job);
  const fail = (error: unknown) => toast(errorText(error), { tone: "danger" });
  const again = useMutation({ mutationFn: () => retry(job), onError: fail });
  const remove = () =>
    moveToTrash(job).then(
      () => toast(t("removed"), { action: { label: common("undo"), run: () => void restore({ ...job, revision: 0 }).catch(fail) } }),
      fail,
    );
  const url = mediaUrl(result.data?.url);
  return (
    <Menu
      trigger={
        <IconButton name={common("more")} size="s">
          <Ellipsis aria-hidden />
        </IconButton>
      }
    >
      {url ? (
        <MenuItem icon={<Download aria-hidden />} onSelect={() => location.assign(url)}>
          {t("download")}
        </MenuItem>
      ) : null}
      {onUseSettings ? (
        <MenuItem icon={<Copy aria-hidden />} onSelect={() => onUseSettings(job.spec as Request)}>
          {t("clone")}
        </MenuItem>
      ) : null}
      {job.status === "succeeded" ? null : (
        <MenuItem icon={<RotateCw aria-hidden />} onSelect={() => again.mutate()}>
          {t("retry")}
        </MenuItem>
      )}
      <MenuItem icon={<Trash2 aria-hidden />} onSelect={() => void remove()} danger>
        {t("remove")}
      </MenuItem>
    </Menu>
  );
}
