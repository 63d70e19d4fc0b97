"use client";
import { useTranslations } from "@/lib/i18n";
import type { Video } from "./api";
import { useRecipeRows } from "./use-recipe-rows";

/** What made the video. */
export function Recipe({ video }: { video: Video }) {
  const t = useTranslations("videos");
  const rows = useRecipeRows(video);
  return (
    <div className="border-t border-border pt-5">
      <h2 className="mb-3 font-medium">{t("details")}</h2>
      <dl className="grid gap-2 text-s">
        {rows.map(([name, value]) => (
          <div key={name} className="flex justify-between gap-4">
            <dt className="text-muted">{name}</dt>
            <dd className="tabular text-right whitespace-pre-line [overflow-wrap:anywhere]">{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
