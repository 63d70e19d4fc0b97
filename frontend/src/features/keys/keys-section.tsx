"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { KeyRound } from "lucide-react";
import { Button } from "@/components/button";
import { ErrorView, Skeleton, useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { useMe } from "@/features/auth/use-session";
import { Section } from "@/features/settings/section";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { KEYS, revokeKey, useKeys, type Key } from "./api";
import { NewKeyDialog } from "./new-key-dialog";

export function KeysSection() {
  const t = useTranslations("access");
  const keys = useKeys();
  const isUser = useMe().data?.role === "user";
  const [creates, setCreates] = useState(false);
  return (
    <Section title={t("keys")} lead={t("keysLead")}>
      {keys.isPending ? <Skeleton className="h-12" /> : null}
      {keys.isError ? <ErrorView error={keys.error} onRetry={() => void keys.refetch()} /> : null}
      {keys.data?.length === 0 ? <p className="text-s text-muted">{t("keysEmpty")}</p> : null}
      <ul className="grid grid-cols-[minmax(0,1fr)] gap-3">
        {keys.data?.map((key) => (
          <KeyRow key={key.id} value={key} />
        ))}
      </ul>
      <Button className="justify-self-start" onClick={() => setCreates(true)}>
        {t("newKey")}
      </Button>
      {creates ? <NewKeyDialog withAdmin={!isUser} onClose={() => setCreates(false)} /> : null}
    </Section>
  );
}

function KeyRow({ value: key }: { value: Key }) {
  const t = useTranslations("access");
  const format = useFormatter();
  const errorText = useErrorText();
  const queries = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => revokeKey(key.id),
    onSuccess: () => {
      toast(t("revoked"));
      return queries.invalidateQueries({ queryKey: KEYS });
    },
    onError: (error) => toast(errorText(error), { tone: "danger" }),
  });
  const expires = key.expires_at ? new Date(key.expires_at) : null;
  const expiry = expires ? (expires < new Date() ? t("expired") : t("expires", { date: expires })) : t("noExpiry");
  const used = key.last_used_at ? t("used", { when: format.relativeTime(new Date(key.last_used_at), new Date()) }) : t("unused");
  return (
    <li className="flex items-start gap-3">
      <KeyRound aria-hidden className="mt-1 size-4 shrink-0 text-muted" />
      <div className="min-w-0 flex-1 text-s">
        <p className="truncate" title={key.name}>
          {key.name}
        </p>
        <p className="text-muted">
          <code>{`${key.prefix}…`}</code> · {key.scopes.join(", ")}
        </p>
        <p className="text-muted">
          {expiry} · {used}
        </p>
      </div>
      <Button size="s" kind="danger" busy={revoke.isPending} aria-label={t("revokeNamed", { name: key.name })} onClick={() => revoke.mutate()}>
        {t("revoke")}
      </Button>
    </li>
  );
}
