"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Monitor } from "lucide-react";
import { Button } from "@/components/button";
import { Badge } from "@/components/chip";
import { ErrorView, Skeleton, useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import type { Schemas } from "@/lib/api/client";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { SESSIONS, endAllSessions, endSession, useSessions } from "./api";
import { programOf } from "./program";
import { Section } from "./section";

export function SessionsSection() {
  const t = useTranslations("settings");
  const errorText = useErrorText();
  const sessions = useSessions();
  const everywhere = useMutation({ mutationFn: endAllSessions, onError: (error) => toast(errorText(error), { tone: "danger" }) });
  return (
    <Section title={t("sessions")} lead={t("sessionsLead")}>
      {sessions.isPending ? <Skeleton className="h-16" /> : null}
      {sessions.isError ? <ErrorView error={sessions.error} onRetry={() => void sessions.refetch()} /> : null}
      <ul className="grid grid-cols-[minmax(0,1fr)] gap-3">
        {sessions.data?.map((session) => (
          <SessionRow key={session.id} session={session} />
        ))}
      </ul>
      <Button kind="danger" className="justify-self-start" busy={everywhere.isPending} onClick={() => everywhere.mutate()}>
        {t("endAll")}
      </Button>
    </Section>
  );
}

function SessionRow({ session }: { session: Schemas["SessionView"] }) {
  const t = useTranslations("settings");
  const format = useFormatter();
  const errorText = useErrorText();
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: () => endSession(session.id),
    onSuccess: () => queries.invalidateQueries({ queryKey: SESSIONS }),
    onError: (error) => toast(errorText(error), { tone: "danger" }),
  });
  return (
    <li className="flex items-start gap-3">
      <Monitor aria-hidden className="mt-1 size-4 shrink-0 text-muted" />
      <div className="min-w-0 flex-1 text-s">
        <p className="truncate" title={session.user_agent}>
          {programOf(session.user_agent) || "–"}
        </p>
        <p className="text-muted">{t("lastUsed", { when: format.relativeTime(new Date(session.last_used_at), new Date()) })}</p>
      </div>
      {session.current ? (
        <Badge tone="success">{t("thisSession")}</Badge>
      ) : (
        <Button size="s" busy={end.isPending} onClick={() => end.mutate()}>
          {t("endSession")}
        </Button>
      )}
    </li>
  );
}
