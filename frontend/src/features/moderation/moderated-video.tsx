"use client";
import { useState } from "react";
import { Eye } from "lucide-react";
import { Button } from "@/components/button";
import { Badge } from "@/components/chip";
import { Player } from "@/components/player";
import { ErrorView, Skeleton, StateView } from "@/components/states";
import type { Reason } from "@/features/reports/api";
import { nameOf } from "@/features/videos/api";
import { mediaUrl } from "@/lib/api/media";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { useModerated, type Moderated } from "./api";
import { DecisionForm } from "./decision-form";

const TONES = { visible: "success", hidden: "warning", rejected: "danger" } as const;
type Props = { id: string; reason?: Reason; onDecided: () => void };

/** A video as moderators examine it: what it shows, whose it is, who reported it, what was decided. */
export function ModeratedVideo({ id, reason, onDecided }: Props) {
  const video = useModerated(id);
  if (video.isPending) return <Skeleton className="aspect-video rounded-l" />;
  if (video.isError) return <ErrorView error={video.error} onRetry={() => void video.refetch()} />;
  const latest = video.data.reports[0]?.reason;
  return <Examined video={video.data} reason={reason ?? latest ?? "other"} onDecided={onDecided} onExpired={() => void video.refetch()} />;
}

type ExaminedProps = { video: Moderated; reason: Reason; onDecided: () => void; onExpired: () => void };

export function Examined({ video, reason, onDecided, onExpired }: ExaminedProps) {
  const t = useTranslations("moderation");
  const format = useFormatter();
  const { owner, moderation } = video;
  const facts = [
    [t("owner"), [owner.name, owner.email, owner.disabled_at && t("ownerDisabled")].filter(Boolean).join(" · ")],
    [t("prompt"), video.prompt],
    [t("created"), format.dateTime(new Date(video.created_at), { dateStyle: "medium", timeStyle: "short" })],
    [t("visibility"), t(`visibilities.${video.visibility}`)],
  ];
  return (
    <article aria-label={t("video", { title: nameOf(video) })} className="grid gap-6 xl:grid-cols-[minmax(0,1fr)_22rem]">
      <div className="grid content-start gap-5">
        <Covered video={video} onExpired={onExpired} />
        <div className="flex flex-wrap items-center justify-between gap-3">
          <h2 className="text-l font-semibold [overflow-wrap:anywhere]">{nameOf(video)}</h2>
          <Badge tone={TONES[moderation.state]}>{t(`states.${moderation.state}`)}</Badge>
        </div>
        <dl className="grid gap-2 text-s">
          {facts.map(([name, value]) => (
            <div key={name} className="grid grid-cols-[7rem_minmax(0,1fr)] gap-4">
              <dt className="text-muted">{name}</dt>
              <dd className="[overflow-wrap:anywhere]">{value}</dd>
            </div>
          ))}
        </dl>
        <Reports video={video} />
        <Decisions video={video} />
      </div>
      {moderation.state === "rejected" ? (
        <StateView title={t("states.rejected")}>{t("final")}</StateView>
      ) : (
        <DecisionForm video={video} reason={reason} onDecided={onDecided} />
      )}
    </article>
  );
}

/** Covered until the moderator reveals it, so that it is not seen by accident. */
function Covered({ video, onExpired }: { video: Moderated; onExpired: () => void }) {
  const t = useTranslations("moderation");
  const [shown, setShown] = useState(false);
  const poster = mediaUrl(video.poster?.url);
  if (!video.video) return <StateView title={t("noFiles")} />;
  if (shown) {
    return (
      <Player
        src={mediaUrl(video.video.url)}
        poster={poster}
        name={t("video", { title: nameOf(video) })}
        size={video.video}
        isGif={video.format === "gif"}
        onExpired={onExpired}
      />
    );
  }
  return (
    <div className="relative grid h-72 place-items-center overflow-hidden rounded-l bg-raised">
      {poster ? <img src={poster} alt="" className="absolute inset-0 size-full scale-110 object-cover opacity-40 blur-2xl grayscale" /> : null}
      <div className="relative grid justify-items-center gap-3">
        <Button icon={<Eye aria-hidden className="size-4" />} onClick={() => setShown(true)}>
          {t("show")}
        </Button>
        <p className="rounded-full bg-bg/80 px-3 py-1 text-s text-muted">{t("covered")}</p>
      </div>
    </div>
  );
}

function Reports({ video }: { video: Moderated }) {
  const t = useTranslations("moderation");
  const reasons = useTranslations("published.reasons");
  const format = useFormatter();
  if (video.reports.length === 0) return null;
  return (
    <section aria-label={t("reports")} className="grid gap-3 border-t border-border pt-5">
      <h3 className="font-medium">{t("reports")}</h3>
      <ul className="grid gap-3 text-s">
        {video.reports.map((report) => (
          <li key={report.id} className="grid gap-1">
            <span className="flex flex-wrap justify-between gap-2">
              <span className="font-medium">{reasons(report.reason)}</span>
              <span className="text-muted">
                {t(report.state)} · {format.dateTime(new Date(report.created_at), { dateStyle: "medium", timeStyle: "short" })}
              </span>
            </span>
            {report.details ? <span className="whitespace-pre-line [overflow-wrap:anywhere]">{report.details}</span> : null}
            {report.email ? <span className="text-muted">{report.email}</span> : null}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Decisions({ video }: { video: Moderated }) {
  const t = useTranslations("moderation");
  const format = useFormatter();
  if (video.decisions.length === 0) return null;
  return (
    <section aria-label={t("decisions")} className="grid gap-3 border-t border-border pt-5">
      <h3 className="font-medium">{t("decisions")}</h3>
      <ul className="grid gap-3 text-s">
        {video.decisions.map((decision) => (
          <li key={decision.id} className="grid gap-1">
            <span className="flex flex-wrap justify-between gap-2">
              <span className="font-medium [overflow-wrap:anywhere]">
                {t(`actions.${decision.action}`)} · {decision.reason}
              </span>
              <span className="text-muted">
                {decision.automatic ? `${t("automatic")} · ` : null}
                {format.dateTime(new Date(decision.created_at), { dateStyle: "medium", timeStyle: "short" })}
              </span>
            </span>
            <span className="whitespace-pre-line text-muted [overflow-wrap:anywhere]">{decision.statement}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
