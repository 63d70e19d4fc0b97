"use client";
import { useState } from "react";
import { Film, Images, LockKeyhole, TriangleAlert } from "lucide-react";
import { ConnectionBadge } from "@/app/_shell/connection-badge";
import { Button } from "@/components/button";
import { Badge } from "@/components/chip";
import { announce } from "@/components/live-region";
import { LoadMore } from "@/components/load-more";
import { ProgressBar } from "@/components/progress-bar";
import { ErrorView, RequestId, Skeleton, StateView } from "@/components/states";
import { ToastView, toast } from "@/components/toaster";
import { ApiError } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { PROBLEM } from "./samples";
import { Specimen } from "./specimen";

const TRANSPORTS = ["live", "sse", "polling", "reconnecting", "offline"] as const;
const TONES = ["neutral", "success", "warning", "danger"] as const;
const MAX_LOADED = 12;
const none = () => undefined;
const MISSING = new ApiError(404, "not_found", "Not Found", null, "0f3c9d2a7b1e4c55", [], null);

/** What is said when there is nothing to show, when something takes time, and when something went wrong. */
export function Feedback() {
  const t = useTranslations();
  return (
    <>
      <Specimen of="StateView" look="pair">
        <StateView title={t("jobs.emptyTitle")} icon={<Film aria-hidden />}>
          {t("jobs.empty")}
        </StateView>
        <StateView title={t("videos.emptyTitle")} icon={<Images aria-hidden />} action={<Button kind="primary">{t("videos.makeFirst")}</Button>}>
          {t("videos.empty")}
        </StateView>
        <StateView title={t("errors.signInTitle")} icon={<LockKeyhole aria-hidden />} action={<Button kind="primary">{t("auth.logIn")}</Button>}>
          {t("errors.signIn")}
        </StateView>
        <StateView title={t("errors.permissionTitle")} icon={<LockKeyhole aria-hidden />}>
          {t("errors.permission", { role: "admin" })}
        </StateView>
        <StateView title={t("errors.title")} icon={<TriangleAlert aria-hidden />} action={<Button>{t("errors.reload")}</Button>}>
          <p>{t("errors.pageCrashed")}</p>
          <RequestId id="2785230812" />
        </StateView>
      </Specimen>
      <Specimen of="ErrorView" look="pair">
        <ErrorView error={PROBLEM} onRetry={none} />
        <ErrorView error={new TypeError("offline")} onRetry={none} />
        <ErrorView error={MISSING} />
        <ErrorView error={PROBLEM} title={t("videos.loadFailed")} onRetry={none} />
      </Specimen>
      <Specimen of="Skeleton" look="grid">
        <Skeleton className="h-5" />
        <Skeleton className="aspect-video rounded-l" />
      </Specimen>
      <Specimen of="ProgressBar" look="grid">
        <ProgressBar label={t("jobs.stages.preprocess")} value={0} text={t("jobs.stageState.pending", { percent: 0 })} />
        <ProgressBar label={t("jobs.stages.generate")} value={0.6} text={t("jobs.stageState.running", { percent: 60 })} active />
        <ProgressBar label={t("jobs.stages.upscale")} value={1} text={t("jobs.stageState.done", { percent: 100 })} />
      </Specimen>
      <Specimen of="Badge">
        {TONES.map((tone) => (
          <Badge key={tone} tone={tone} icon={<Film aria-hidden />}>
            {t("jobs.status.running")}
          </Badge>
        ))}
      </Specimen>
      <Specimen of="ConnectionBadge">
        {TRANSPORTS.map((transport) => (
          <ConnectionBadge key={transport} transport={transport} />
        ))}
      </Specimen>
      <Toasts />
      <Specimen of="LoadMore">
        <GrowingList />
      </Specimen>
    </>
  );
}

function Toasts() {
  const t = useTranslations();
  const undo = { label: t("common.undo"), run: none };
  return (
    <>
      <Specimen of="Toaster" look="stack">
        <div className="flex flex-wrap gap-3">
          <ToastView toast={{ id: -1, text: t("common.saved"), tone: "neutral" }} />
          <ToastView toast={{ id: -2, text: t("jobs.removed"), tone: "neutral", action: undo }} />
          <ToastView toast={{ id: -3, text: t("errors.offline"), tone: "danger" }} />
        </div>
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => toast(t("jobs.removed"), { action: undo })}>{t("jobs.remove")}</Button>
          <Button onClick={() => toast(t("errors.offline"), { tone: "danger" })}>{t("errors.offlineTitle")}</Button>
        </div>
      </Specimen>
      <Specimen of="LiveRegion">
        <Button onClick={() => announce(t("jobs.announce", { prompt: t("composer.promptPlaceholder"), state: t("jobs.status.running") }))}>
          {t("jobs.status.running")}
        </Button>
      </Specimen>
    </>
  );
}

/** Grows as long as its end is near the view. */
function GrowingList() {
  const [count, setCount] = useState(3);
  return (
    <div className="flex flex-wrap gap-2">
      {Array.from({ length: count }, (_, index) => (
        <span key={index} className="size-8 rounded-s bg-raised" />
      ))}
      {count < MAX_LOADED ? <LoadMore key={count} onNear={() => setCount((now) => now + 3)} /> : null}
    </div>
  );
}
