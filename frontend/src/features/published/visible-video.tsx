"use client";
import Link from "next/link";
import { useState } from "react";
import { Download, Flag } from "lucide-react";
import { Button, buttonClass } from "@/components/button";
import { Player } from "@/components/player";
import { ErrorView } from "@/components/states";
import { ReportDialog } from "@/features/reports/report-dialog";
import { mediaUrl } from "@/lib/api/media";
import { useTranslations } from "@/lib/i18n";
import { useHydrated } from "@/lib/use-hydrated";
import { useVisible, type PublicVideo, type Source } from "./api";

/** The page of a visitor: the video at once, then what it is, and a way to report it. */
export function VisibleVideo({ source, initial }: { source: Source; initial: PublicVideo }) {
  const t = useTranslations("published");
  const videos = useTranslations("videos");
  const { data: video, dataUpdatedAt, error, refetch } = useVisible(source, initial);
  // The answer whose link does not work any more: only then is an error worth more than the video that is shown.
  const [endedAt, setEndedAt] = useState<number | null>(null);
  const [reports, setReports] = useState(false);
  const hydrated = useHydrated();
  const title = video.title || video.prompt || t("untitled");
  const src = mediaUrl(video.video.url);
  const reported = "video_id" in source ? { video_id: source.video_id } : { share_token: source.share_token };
  return (
    <article aria-label={title} className="mx-auto grid w-full max-w-4xl gap-5 px-4 py-6 sm:px-6 sm:py-10">
      {error && endedAt === dataUpdatedAt ? (
        <ErrorView error={error} onRetry={() => void refetch()} />
      ) : (
        <Player
          src={src}
          poster={mediaUrl(video.poster?.url)}
          name={videos("videoName", { title })}
          size={video.video}
          isGif={video.format === "gif"}
          onExpired={() => {
            setEndedAt(dataUpdatedAt);
            void refetch();
          }}
        />
      )}
      <div className="flex flex-wrap items-start justify-between gap-4">
        <div className="grid min-w-0 gap-1">
          <h1 className="text-l font-semibold [overflow-wrap:anywhere]">{title}</h1>
          {video.prompt && video.prompt !== title ? <p className="max-w-prose text-muted [overflow-wrap:anywhere]">{video.prompt}</p> : null}
          <p className="min-h-5 text-s text-muted">{hydrated ? t("made", { date: new Date(video.created_at) }) : null}</p>
        </div>
        <div className="flex flex-wrap gap-2">
          <a href={src} download className={buttonClass({ size: "s" })}>
            <Download aria-hidden className="size-4" />
            {videos("download")}
          </a>
          <Button size="s" kind="quiet" icon={<Flag aria-hidden className="size-4" />} onClick={() => setReports(true)}>
            {t("report")}
          </Button>
        </div>
      </div>
      <footer className="flex flex-wrap items-center justify-between gap-3 border-t border-border pt-5 text-s text-muted">
        {t("madeWith")}
        <Link href="/" className="text-fg underline underline-offset-4">
          {t("makeYours")}
        </Link>
      </footer>
      {reports ? <ReportDialog reported={reported} onClose={() => setReports(false)} /> : null}
    </article>
  );
}
