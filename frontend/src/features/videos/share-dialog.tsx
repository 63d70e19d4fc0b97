"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { CopyField } from "@/components/copy-field";
import { Dialog } from "@/components/dialog";
import { ErrorView, Skeleton, useErrorText } from "@/components/states";
import { TextField } from "@/components/field";
import { Switch } from "@/components/switch";
import { toast } from "@/components/toaster";
import { NumberField } from "@/features/composer/number-field";
import { ApiError } from "@/lib/api/errors";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { createShare, revokeShare, shareAddress, sharesKey, useShares, type Video } from "./api";

const DEFAULT_DAYS = 30;
const MAX_DAYS = 365;

/** Links to this video: make one, copy it, revoke it. */
export function ShareDialog({ video, onClose }: { video: Video; onClose: () => void }) {
  const t = useTranslations("videos");
  const errorText = useErrorText();
  const queries = useQueryClient();
  const [days, setDays] = useState<number | null>(DEFAULT_DAYS);
  const [password, setPassword] = useState("");
  const [showPrompt, setShowPrompt] = useState(false);
  const create = useMutation({
    mutationFn: () => createShare(video.id, { expires_in_days: days, password: password || null, show_prompt: showPrompt }),
    onSuccess: () => {
      setPassword("");
      return queries.invalidateQueries({ queryKey: sharesKey(video.id) });
    },
  });
  const field = (name: string) => (create.error instanceof ApiError ? create.error.field(name) : null);
  const common = useTranslations("common");
  return (
    <Dialog title={t("shareTitle")} onClose={onClose}>
      <p className="text-muted">{t("shareLead")}</p>
      {create.data ? (
        <div className="grid gap-3">
          <CopyField label={t("shareLink")} help={t("shareOnce")} value={shareAddress(create.data.token)} />
          <Button className="justify-self-start" size="s" onClick={() => create.reset()}>
            {t("another")}
          </Button>
        </div>
      ) : (
        <form
          className="grid gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            create.mutate();
          }}
        >
          <NumberField label={t("shareDays")} minimum={1} maximum={MAX_DAYS} value={days} empty={t("shareForever")} onChange={setDays} />
          <TextField
            label={t("sharePassword")}
            help={t("sharePasswordHelp")}
            error={field("password")}
            placeholder={common("optional")}
            autoComplete="off"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
          <Switch label={t("showPrompt")} checked={showPrompt} onChange={setShowPrompt} />
          {create.error && !field("password") ? (
            <p role="alert" className="text-s text-danger">
              {errorText(create.error)}
            </p>
          ) : null}
          <Button type="submit" kind="primary" busy={create.isPending}>
            {t("shareCreate")}
          </Button>
        </form>
      )}
      <Shares video={video} />
    </Dialog>
  );
}

function Shares({ video }: { video: Video }) {
  const t = useTranslations("videos");
  const format = useFormatter();
  const errorText = useErrorText();
  const queries = useQueryClient();
  const shares = useShares(video.id);
  const revoke = useMutation({
    mutationFn: revokeShare,
    onSuccess: () => {
      toast(t("shareRevoked"));
      return queries.invalidateQueries({ queryKey: sharesKey(video.id) });
    },
    onError: (error) => toast(errorText(error), { tone: "danger" }),
  });
  if (shares.isPending) return <Skeleton className="h-12" />;
  if (shares.isError) return <ErrorView error={shares.error} onRetry={() => void shares.refetch()} />;
  if (shares.data.length === 0) return null;
  const end = (expires: string | null) => {
    if (!expires) return t("shareForever");
    const date = new Date(expires);
    return date < new Date() ? t("shareExpired") : t("shareExpires", { date });
  };
  return (
    <ul aria-label={t("shares")} className="grid gap-3 border-t border-border pt-4 text-s">
      {shares.data.map((share) => (
        <li key={share.id} className="flex items-center justify-between gap-3">
          <span className="grid">
            <span>{format.dateTime(new Date(share.created_at), { dateStyle: "medium", timeStyle: "short" })}</span>
            <span className="text-muted">
              {[end(share.expires_at), t("views", { count: share.views }), share.has_password && t("hasPassword")].filter(Boolean).join(" · ")}
            </span>
          </span>
          <Button
            size="s"
            kind="danger"
            disabled={revoke.isPending}
            aria-label={t("revokeNamed", { date: new Date(share.created_at) })}
            onClick={() => revoke.mutate(share.id)}
          >
            {t("revoke")}
          </Button>
        </li>
      ))}
    </ul>
  );
}
