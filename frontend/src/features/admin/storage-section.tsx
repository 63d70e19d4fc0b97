"use client";
import { ErrorView, Skeleton, StateView } from "@/components/states";
import { Table } from "@/components/table";
import type { Schemas } from "@/lib/api/client";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { useStorage } from "./api";
import { Figure, Figures, useBytes, useMoment } from "./figure";
import { total } from "./figures";

type Storage = Schemas["StorageView"];

/** What is stored, by kind and by user, as a worker has measured it. */
export function StorageSection() {
  const t = useTranslations("admin");
  const moment = useMoment();
  const { data, isPending, isError, error, refetch } = useStorage();
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
      <p className="text-s text-muted">
        {t("storageLead")} {data?.measured_at ? t("storageAt", { time: moment(data.measured_at) }) : null}
      </p>
      {isPending ? <Skeleton className="h-96 rounded-l" /> : null}
      {isError && !data ? <ErrorView error={error} onRetry={() => void refetch()} /> : null}
      {data && !data.measured_at ? <StateView title={t("storageEmpty")}>{t("storageEmptyHelp")}</StateView> : null}
      {data?.measured_at ? <Measured storage={data} /> : null}
    </div>
  );
}

function Measured({ storage }: { storage: Storage }) {
  const t = useTranslations("admin");
  const bytes = useBytes();
  const all = total(storage.kinds);
  const objects = (count: number) => t("objects", { count });
  return (
    <>
      <Figures label={t("storage")}>
        <Figure label={t("stored")} value={bytes(all.bytes)} note={objects(all.objects)} />
        <Figure label={t("trash")} value={bytes(storage.trash.bytes)} note={objects(storage.trash.objects)} />
        <Figure label={t("deletable")} value={bytes(storage.deletable.bytes)} note={objects(storage.deletable.objects)} />
      </Figures>
      <Collected storage={storage} />
      {storage.kinds.length === 0 ? <StateView title={t("storageNothing")} /> : <Tables storage={storage} />}
    </>
  );
}

function Tables({ storage }: { storage: Storage }) {
  const t = useTranslations("admin");
  const format = useFormatter();
  const bytes = useBytes();
  const kind = (name: string) => (t.has(`kinds.${name}` as "kinds.video") ? t(`kinds.${name}` as "kinds.video") : name);
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <Table label={t("byKind")} head={[t("kind"), t("objectsHead"), t("size")]}>
        {storage.kinds.map((one) => (
          <tr key={one.kind}>
            <td>{kind(one.kind)}</td>
            <td className="tabular">{format.number(one.objects)}</td>
            <td className="tabular whitespace-nowrap">{bytes(one.bytes)}</td>
          </tr>
        ))}
      </Table>
      <Table label={t("byUser")} head={[t("userMost"), t("objectsHead"), t("size")]}>
        {storage.users.map((user) => (
          <tr key={user.user_id}>
            <td className="[overflow-wrap:anywhere]" title={user.user_id}>
              {user.email ?? t("deletedAccount")}
            </td>
            <td className="tabular">{format.number(user.objects)}</td>
            <td className="tabular whitespace-nowrap">{bytes(user.bytes)}</td>
          </tr>
        ))}
      </Table>
    </div>
  );
}

/** What the last garbage collection has removed. */
function Collected({ storage }: { storage: Storage }) {
  const t = useTranslations("admin");
  const moment = useMoment();
  if (!storage.collected_at) return null;
  const nameOf = (step: string) => {
    const key = `removed.${step.toLowerCase().replace(/[ -]/g, "_")}` as "removed.mails";
    return t.has(key) ? t(key) : step;
  };
  const removed = Object.entries(storage.removed).map(([step, count]) => t("removedCount", { what: nameOf(step), count }));
  return (
    <p className="text-s text-muted">
      {t("collectedAt", { time: moment(storage.collected_at) })} {removed.length > 0 ? removed.join(" · ") : t("nothingRemoved")}
    </p>
  );
}
