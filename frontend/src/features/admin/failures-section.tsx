"use client";
import { useState } from "react";
import { Badge } from "@/components/chip";
import { SelectField } from "@/components/field";
import { LoadMore } from "@/components/load-more";
import { ErrorView, Skeleton, StateView } from "@/components/states";
import { Table } from "@/components/table";
import { useTranslations } from "@/lib/i18n";
import { useFailures } from "./api";
import { useMoment } from "./figure";
import { ShortId } from "./short-id";
import { useStageName } from "./use-stage-name";

/** The failed jobs of all users, the last failure first. */
export function FailuresSection() {
  const t = useTranslations("admin");
  const moment = useMoment();
  const stageName = useStageName();
  const [code, setCode] = useState("");
  const failures = useFailures(code);
  const rows = failures.data?.pages.flatMap((page) => page.data) ?? [];
  const codes = failures.data?.pages[0]?.codes ?? [];
  const choices = code && !codes.includes(code) ? [...codes, code] : codes;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
      <div className="flex flex-wrap items-end justify-between gap-3">
        <p className="text-s text-muted">{t("failuresLead")}</p>
        <SelectField
          hideLabel
          label={t("errorCode")}
          value={code}
          onChange={(event) => setCode(event.target.value)}
          options={[{ value: "", label: t("anyCode") }, ...choices.map((value) => ({ value, label: value }))]}
        />
      </div>
      {failures.isPending ? <Skeleton className="h-64 rounded-l" /> : null}
      {failures.isError && rows.length === 0 ? <ErrorView error={failures.error} onRetry={() => void failures.refetch()} /> : null}
      {failures.isSuccess && rows.length === 0 ? <StateView title={t("failuresEmpty")} /> : null}
      {rows.length > 0 ? (
        <Table
          label={t("failures")}
          head={[t("at"), t("errorCode"), t("stage"), t("message"), t("user"), t("model"), t("attempts"), t("job")]}
        >
          {rows.map((failure) => (
            <tr key={failure.job_id}>
              <td className="tabular whitespace-nowrap text-muted">{moment(failure.finished_at)}</td>
              <td>
                <Badge tone="danger">{failure.code}</Badge>
              </td>
              <td>{stageName(failure.stage)}</td>
              <td className="max-w-96 min-w-56 [overflow-wrap:anywhere]">{failure.message}</td>
              <td className="max-w-56 [overflow-wrap:anywhere]" title={failure.user_id}>
                {failure.email}
              </td>
              <td className="text-muted">{failure.model ?? "–"}</td>
              <td className="whitespace-nowrap">{t("attemptsOf", { count: failure.attempts, failures: failure.failures, losses: failure.losses })}</td>
              <td>
                <ShortId id={failure.job_id} />
              </td>
            </tr>
          ))}
        </Table>
      ) : null}
      {failures.hasNextPage ? <LoadMore key={rows.length} onNear={() => void failures.fetchNextPage({ cancelRefetch: false })} /> : null}
    </div>
  );
}
