"use client";
import { useState } from "react";
import { Button } from "@/components/button";
import { SelectField } from "@/components/field";
import { LoadMore } from "@/components/load-more";
import { ErrorView, Skeleton, StateView } from "@/components/states";
import { Table } from "@/components/table";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { useAudit } from "./api";
import { AUDIT_ACTIONS } from "./audit-actions";
import { short } from "./short-id";

/** What was done on this server, newest first. */
export function AuditSection({ actor, onActor }: { actor: string; onActor: (id: string) => void }) {
  const t = useTranslations("admin");
  const format = useFormatter();
  const [action, setAction] = useState("");
  const audit = useAudit({ action, actor_id: actor });
  const rows = audit.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
      <div className="flex flex-wrap items-end justify-between gap-3">
        <p className="text-s text-muted">{t("auditLead")}</p>
        <SelectField
          hideLabel
          label={t("action")}
          value={action}
          onChange={(event) => setAction(event.target.value)}
          options={[{ value: "", label: t("anyAction") }, ...AUDIT_ACTIONS.map((value) => ({ value, label: value }))]}
        />
      </div>
      {actor ? (
        <p className="flex flex-wrap items-center gap-3 text-s">
          <span className="[overflow-wrap:anywhere]">{t("actorFilter", { id: actor })}</span>
          <Button size="s" onClick={() => onActor("")}>
            {t("clear")}
          </Button>
        </p>
      ) : null}
      {audit.isPending ? <Skeleton className="h-64 rounded-l" /> : null}
      {audit.isError ? <ErrorView error={audit.error} onRetry={() => void audit.refetch()} /> : null}
      {audit.isSuccess && rows.length === 0 ? <StateView title={t("auditEmpty")} /> : null}
      {rows.length > 0 ? (
        <Table label={t("audit")} head={[t("at"), t("action"), t("actor"), t("target"), t("address"), t("details")]}>
          {rows.map((entry) => (
            <tr key={entry.id}>
              <td className="tabular whitespace-nowrap text-muted">{format.dateTime(new Date(entry.at), { dateStyle: "medium", timeStyle: "medium" })}</td>
              <td>
                <code>{entry.action}</code>
              </td>
              <td>
                {entry.actor_id ? (
                  <button type="button" className="rounded-s underline underline-offset-4" title={entry.actor_id} onClick={() => onActor(entry.actor_id ?? "")}>
                    {short(entry.actor_id)}
                  </button>
                ) : (
                  <span className="text-muted">{t("nobody")}</span>
                )}
              </td>
              <td className="whitespace-nowrap" title={entry.target_id ?? undefined}>
                {entry.target_type ? `${entry.target_type} ${short(entry.target_id)}` : "–"}
              </td>
              <td className="text-muted">{entry.address ?? "–"}</td>
              <td className="max-w-96 text-muted [overflow-wrap:anywhere]">{Object.keys(entry.details).length > 0 ? JSON.stringify(entry.details) : "–"}</td>
            </tr>
          ))}
        </Table>
      ) : null}
      {audit.hasNextPage ? <LoadMore key={rows.length} onNear={() => void audit.fetchNextPage({ cancelRefetch: false })} /> : null}
    </div>
  );
}
