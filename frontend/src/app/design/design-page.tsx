"use client";
import { Film, Trash2 } from "lucide-react";
import { useState, type ReactNode } from "react";
import { ConnectionBadge } from "@/app/_shell/connection-badge";
import { Button, IconButton } from "@/components/button";
import { Badge, Chip } from "@/components/chip";
import { Dialog } from "@/components/dialog";
import { SelectField, TextField } from "@/components/field";
import { ProgressBar } from "@/components/progress-bar";
import { Segmented } from "@/components/segmented";
import { Slider } from "@/components/slider";
import { ErrorView, Skeleton, StateView } from "@/components/states";
import { Switch } from "@/components/switch";
import { toast } from "@/components/toaster";
import { PasswordField } from "@/features/auth/password-field";
import { Composer } from "@/features/composer/composer";
import { EndedCard } from "@/features/jobs/ended-card";
import { JobCard } from "@/features/jobs/job-card";
import { useTranslations } from "@/lib/i18n";
import { ENDED_JOBS, OPEN_JOBS, PROBLEM } from "./samples";
import { VideosBlock } from "./videos-block";

const KINDS = ["primary", "secondary", "quiet", "danger"] as const;
const TRANSPORTS = ["live", "sse", "polling", "reconnecting", "offline"] as const;
const COLOURS = ["bg", "surface", "raised", "border", "input", "muted", "fg", "primary", "ring", "success", "warning", "danger"];
const TONES = ["neutral", "success", "warning", "danger"] as const;

/** Words here are those of the app: the page shows components, not prose. */
export function Gallery() {
  const t = useTranslations();
  const [open, setOpen] = useState(false);
  const [on, setOn] = useState(true);
  const [ratio, setRatio] = useState("a");
  const [amount, setAmount] = useState(24);
  return (
    <div className="mx-auto grid w-full max-w-page gap-12 px-4 py-8 sm:px-6">
      <header className="grid gap-3">
        <h1 className="text-xl font-semibold tracking-[-0.045em]">{t("design.title")}</h1>
        <p className="text-l">{t("design.lead")}</p>
        <p>{t("common.tagline")}</p>
        <p className="text-s text-muted">{t("common.tagline")}</p>
      </header>
      <Block>
        {COLOURS.map((name) => (
          <span key={name} className="grid gap-1 text-s text-muted">
            <span className="size-14 rounded-s border border-border" style={{ background: `var(--color-${name})` }} />
            {name}
          </span>
        ))}
      </Block>
      <Block>
        {KINDS.map((kind) => (
          <div key={kind} className="flex flex-wrap gap-2">
            <Button kind={kind}>{t("composer.generate")}</Button>
            <Button kind={kind} busy>
              {t("composer.generate")}
            </Button>
            <Button kind={kind} disabled>
              {t("composer.generate")}
            </Button>
          </div>
        ))}
        <IconButton name={t("jobs.remove")}>
          <Trash2 aria-hidden />
        </IconButton>
        {TONES.map((tone) => (
          <Badge key={tone} tone={tone}>
            {t("jobs.status.running")}
          </Badge>
        ))}
        <Chip>{t("composer.promptPlaceholder")}</Chip>
        <Chip aria-pressed>{t("jobs.status.running")}</Chip>
        {TRANSPORTS.map((transport) => (
          <ConnectionBadge key={transport} transport={transport} />
        ))}
      </Block>
      <div className="grid gap-6 md:grid-cols-3">
        <TextField label={t("auth.email")} help={t("auth.forgotLead")} />
        <TextField label={t("auth.email")} defaultValue="me@" error={t("errors.invalid_request")} />
        <TextField label={t("composer.denoise_strength")} off={t("composer.off.denoise")} />
        <PasswordField label={t("auth.newPassword")} help={t("auth.passwordHelp")} />
        <SelectField label={t("composer.motion")} options={[{ value: "", label: t("composer.noMotion") }]} />
        <Slider label={t("composer.fps")} value={amount} minimum={8} maximum={60} step={1} shown={String(amount)} onChange={setAmount} />
        <Switch label={t("composer.enhance")} help={t("composer.loopHelp")} checked={on} onChange={setOn} />
        <Switch label={t("composer.loop")} checked={false} off={t("composer.off.travelLoop")} onChange={setOn} />
        <Segmented
          label={t("composer.ratio")}
          value={ratio}
          onChange={setRatio}
          options={[
            { value: "a", label: t("composer.ratioSquare") },
            { value: "b", label: t("composer.ratioWide") },
            { value: "c", label: t("composer.ratioTall") },
          ]}
        />
      </div>
      <div className="grid gap-4 md:grid-cols-2">
        <StateView title={t("jobs.emptyTitle")} icon={<Film aria-hidden />}>
          {t("jobs.empty")}
        </StateView>
        <ErrorView error={PROBLEM} onRetry={() => undefined} />
        <ErrorView error={new TypeError("offline")} onRetry={() => undefined} />
        <Skeleton className="h-40 rounded-l" />
        <ProgressBar label={t("jobs.stages.generate")} value={0.6} text={t("jobs.stageState.running", { percent: 60 })} active />
        <div className="flex gap-2">
          <Button onClick={() => setOpen(true)}>{t("shell.shortcuts")}</Button>
          <Button onClick={() => toast(t("jobs.removed"), { action: { label: t("common.undo"), run: () => undefined } })}>{t("jobs.remove")}</Button>
        </div>
      </div>
      <div className="grid gap-6 lg:grid-cols-[26rem_minmax(0,1fr)]">
        <Composer />
        <div className="grid content-start gap-4">
          {OPEN_JOBS.map((job) => (
            <JobCard key={job.job_id} job={job} />
          ))}
          <div className="grid grid-cols-2 gap-4 sm:grid-cols-3">
            {ENDED_JOBS.map((job) => (
              <EndedCard key={job.job_id} job={job} />
            ))}
          </div>
        </div>
      </div>
      <VideosBlock />
      {open ? (
        <Dialog title={t("settings.delete")} onClose={() => setOpen(false)}>
          <p>{t("settings.deleteLead")}</p>
        </Dialog>
      ) : null}
    </div>
  );
}

function Block({ children }: { children: ReactNode }) {
  return <div className="flex flex-wrap items-center gap-3">{children}</div>;
}
