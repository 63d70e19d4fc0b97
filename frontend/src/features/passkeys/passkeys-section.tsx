"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Fingerprint } from "lucide-react";
import { Button } from "@/components/button";
import { Badge } from "@/components/chip";
import { Dialog } from "@/components/dialog";
import { TextField } from "@/components/field";
import { ErrorView, Skeleton, useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { PasswordField } from "@/features/auth/password-field";
import { PasswordPrompt } from "@/features/settings/password-prompt";
import { programOf } from "@/features/settings/program";
import { Section } from "@/features/settings/section";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { PASSKEYS, PasskeyCanceled, PasskeyExists, addPasskey, removePasskey, usePasskeys, usePasskeysSupported, type Passkey } from "./api";

export function PasskeysSection() {
  const t = useTranslations("access");
  const passkeys = usePasskeys();
  const supported = usePasskeysSupported();
  const [adds, setAdds] = useState(false);
  return (
    <Section title={t("passkeys")} lead={t("passkeysLead")}>
      {passkeys.isPending ? <Skeleton className="h-12" /> : null}
      {passkeys.isError ? <ErrorView error={passkeys.error} onRetry={() => void passkeys.refetch()} /> : null}
      {passkeys.data?.length === 0 ? <p className="text-s text-muted">{t("passkeysEmpty")}</p> : null}
      <ul className="grid grid-cols-[minmax(0,1fr)] gap-3">
        {passkeys.data?.map((passkey) => (
          <PasskeyRow key={passkey.id} passkey={passkey} />
        ))}
      </ul>
      {supported ? (
        <Button className="justify-self-start" onClick={() => setAdds(true)}>
          {t("addPasskey")}
        </Button>
      ) : (
        <p className="text-s text-muted">{t("passkeysUnsupported")}</p>
      )}
      {adds ? <AddPasskey onClose={() => setAdds(false)} /> : null}
    </Section>
  );
}

function PasskeyRow({ passkey }: { passkey: Passkey }) {
  const t = useTranslations("access");
  const settings = useTranslations("settings");
  const format = useFormatter();
  const queries = useQueryClient();
  const [asks, setAsks] = useState(false);
  const remove = useMutation({
    mutationFn: (password: string) => removePasskey(passkey.id, password),
    onSuccess: () => {
      toast(t("passkeyRemoved"));
      return queries.invalidateQueries({ queryKey: PASSKEYS });
    },
  });
  const { last_used_at: last } = passkey;
  return (
    <li className="flex items-start gap-3">
      <Fingerprint aria-hidden className="mt-1 size-4 shrink-0 text-muted" />
      <div className="min-w-0 flex-1 text-s">
        <p className="truncate">{passkey.name}</p>
        <p className="text-muted">{last ? t("used", { when: format.relativeTime(new Date(last), new Date()) }) : t("unused")}</p>
      </div>
      {passkey.backed_up ? <Badge>{t("synced")}</Badge> : null}
      <Button size="s" kind="danger" aria-label={t("removeNamed", { name: passkey.name })} onClick={() => setAsks(true)}>
        {t("remove")}
      </Button>
      {asks ? (
        <PasswordPrompt
          danger
          title={t("removeNamed", { name: passkey.name })}
          label={settings("currentPassword")}
          confirm={t("remove")}
          mutation={remove}
          onClose={() => setAsks(false)}
        />
      ) : null}
    </li>
  );
}

function AddPasskey({ onClose }: { onClose: () => void }) {
  const t = useTranslations("access");
  const settings = useTranslations("settings");
  const errorText = useErrorText();
  const queries = useQueryClient();
  const [name, setName] = useState(() => programOf(navigator.userAgent));
  const [password, setPassword] = useState("");
  const problem = (error: unknown) => {
    if (error instanceof PasskeyExists) return t("passkeyExists");
    return error instanceof PasskeyCanceled ? t("passkeyNotAdded") : errorText(error);
  };
  const add = useMutation({
    mutationFn: () => addPasskey(name, password),
    onSuccess: () => {
      toast(t("passkeyAdded"));
      onClose();
      return queries.invalidateQueries({ queryKey: PASSKEYS });
    },
  });
  return (
    <Dialog title={t("addPasskey")} onClose={onClose}>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate();
        }}
      >
        <TextField label={t("passkeyName")} maxLength={80} value={name} onChange={(event) => setName(event.target.value)} />
        <PasswordField
          label={settings("currentPassword")}
          error={add.error ? problem(add.error) : null}
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <Button type="submit" kind="primary" busy={add.isPending} disabled={!password || !name.trim()} className="justify-self-end">
          {t("addPasskey")}
        </Button>
      </form>
    </Dialog>
  );
}
