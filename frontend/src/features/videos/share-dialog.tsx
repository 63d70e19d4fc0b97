"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { TextField } from "@/components/field";
import { useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { NumberField } from "@/features/composer/number-field";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { createShare, revokeShare, sharesKey, useShares, type Video } from "./api";

const MAX_DAYS = 365;

/** Links to this video: make one, copy it, revoke it. */
export function ShareDialog({ video, onClose }: { video: Video; onClose: () => void }) {
  const t = useTranslations("videos");
  const common = useTranslations("common");
  const format = useFormatter();
  const errorText = useErrorText();
  const queries = useQueryClient();
  const shares = useShares(video.id);
  const [days, setDays] = useState<number | null>(30);
  const [password, setPassword] = useState("");
  const renew = () => queries.invalidateQueries({ queryKey: sharesKey(video.id) });
  const onError = (error: unknown) => toast(errorText(error), { tone: "danger" });
  const create = useMutation({
    mutationFn: () => createShare(video.id, { expires_in_days: days, password: password || null, show_prompt: false }),
    onSuccess: renew,
    onError,
  });
  const revoke = useMutation({ mutationFn: revokeShare, onSuccess: renew, onError });
  return (
    <Dialog title={t("shareTitle")} onClose={onClose}>
      <p className="text-muted">{t("shareLead")}</p>
      {create.data ? (
        <div className="grid gap-2">
          <TextField label={t("shareLink")} help={t("shareOnce")} readOnly value={create.data.url} onFocus={(event) => event.target.select()} />
          <Button onClick={() => void navigator.clipboard.writeText(create.data.url).then(() => toast(common("copied")))}>{common("copy")}</Button>
        </div>
      ) : (
        <div className="grid gap-4">
          <div className="grid grid-cols-2 items-start gap-3">
            <NumberField label={t("shareDays")} minimum={1} maximum={MAX_DAYS} value={days} empty={t("shareForever")} onChange={setDays} />
            <TextField label={t("sharePassword")} placeholder={common("optional")} autoComplete="off" value={password} onChange={(event) => setPassword(event.target.value)} />
          </div>
          <Button kind="primary" busy={create.isPending} onClick={() => create.mutate()}>
            {t("shareCreate")}
          </Button>
        </div>
      )}
      {shares.data?.length ? (
        <ul aria-label={t("shares")} className="grid gap-2 border-t border-border pt-4 text-s">
          {shares.data.map((share) => (
            <li key={share.id} className="flex items-center justify-between gap-3">
              <span>
                {format.dateTime(new Date(share.created_at), { dateStyle: "medium" })} · {t("views", { count: share.views })}
                {share.has_password ? ` · ${t("hasPassword")}` : null}
              </span>
              <Button size="s" kind="danger" onClick={() => revoke.mutate(share.id)}>
                {t("revoke")}
              </Button>
            </li>
          ))}
        </ul>
      ) : null}
    </Dialog>
  );
}
