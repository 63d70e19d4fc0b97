"use client";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { useCount } from "./figure";
import { bars, STATES, type EndState, type Hour } from "./figures";

const COLOURS: Record<EndState, string> = { succeeded: "bg-success", failed: "bg-danger", canceled: "bg-placeholder" };

/** The jobs that ended in each of the last hours, as stacked bars. Every bar says its numbers. */
export function HoursChart({ hours }: { hours: Hour[] }) {
  const t = useTranslations("admin");
  const format = useFormatter();
  const count = useCount();
  const time = (hour: string) => format.dateTime(new Date(hour), { hour: "2-digit", minute: "2-digit" });
  return (
    <figure className="grid gap-3 rounded-l border border-border p-4">
      <figcaption className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2 text-s">
        <span className="font-medium">{t("hoursTitle")}</span>
        <span className="flex flex-wrap gap-4 text-muted">
          {STATES.map((state) => (
            <span key={state} className="flex items-center gap-1.5">
              <span aria-hidden className={cx("size-2.5 rounded-full", COLOURS[state])} />
              {t(`ended.${state}`)}
            </span>
          ))}
        </span>
      </figcaption>
      <ol className="flex h-40 items-stretch gap-0.5 sm:gap-1">
        {bars(hours).map((bar) => {
          const numbers = STATES.map((state) => `${t(`ended.${state}`)} ${count(bar.counts[state])}`).join(", ");
          return (
            <li key={bar.hour} title={`${time(bar.hour)} · ${numbers}`} className="flex min-w-0 flex-1 flex-col justify-end">
              <span className="sr-only">{`${time(bar.hour)}: ${numbers}`}</span>
              {[...STATES].reverse().map((state) => (
                <span
                  key={state}
                  aria-hidden
                  style={{ height: `${bar.percent[state]}%` }}
                  className={cx("w-full", COLOURS[state], bar.percent[state] > 0 && "min-h-0.5")}
                />
              ))}
              {bar.empty ? <span aria-hidden className="h-0.5 w-full bg-raised" /> : null}
            </li>
          );
        })}
      </ol>
      <p aria-hidden className="tabular flex justify-between text-s text-muted">
        <span>{hours[0] ? time(hours[0].hour) : null}</span>
        <span>{t("now")}</span>
      </p>
    </figure>
  );
}
