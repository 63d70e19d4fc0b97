"use client";
import { useTranslations } from "@/lib/i18n";
import { useHydrated } from "@/lib/use-hydrated";
import { Controls } from "./controls";
import { Feedback } from "./feedback";
import { Foundations } from "./foundations";
import { JobsBlock } from "./jobs-block";
import { Part } from "./specimen";
import { Surfaces } from "./surfaces";
import { VideosBlock } from "./videos-block";

const PARTS = [
  ["foundations", Foundations],
  ["controls", Controls],
  ["feedback", Feedback],
  ["surfaces", Surfaces],
  ["jobs", JobsBlock],
  ["videos", VideosBlock],
] as const;

/** Words here are those of the app: the page shows components, not prose. */
export function DesignPage() {
  const t = useTranslations("design");
  // The samples have dates, which the server would write in another time zone.
  if (!useHydrated()) return null;
  return (
    <div className="mx-auto grid w-full max-w-page grid-cols-[minmax(0,1fr)] gap-12 px-4 py-8 sm:px-6">
      <header className="grid gap-3">
        <h1 className="text-xl font-semibold tracking-[-0.045em]">{t("title")}</h1>
        <p className="text-l">{t("lead")}</p>
        <nav aria-label={t("contents")} className="flex flex-wrap gap-x-4 gap-y-1 text-s">
          {PARTS.map(([id]) => (
            <a key={id} href={`#${id}`} className="py-1 text-muted underline underline-offset-4 hover:text-fg">
              {t(`parts.${id}`)}
            </a>
          ))}
        </nav>
      </header>
      {PARTS.map(([id, Content]) => (
        <Part key={id} id={id} title={t(`parts.${id}`)}>
          <Content />
        </Part>
      ))}
    </div>
  );
}
