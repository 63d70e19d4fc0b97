"use client";
import { useQueries } from "@tanstack/react-query";
import Link from "next/link";
import { Columns2 } from "lucide-react";
import { buttonClass } from "@/components/button";
import { ErrorView, Skeleton, StateView } from "@/components/states";
import { videoQuery } from "@/features/videos/api";
import { useTranslations } from "@/lib/i18n";
import { CompareGrid } from "./compare-grid";
import { RecipeDifferences } from "./recipe-differences";

/** Two to four videos side by side, with one scrubber. */
export function CompareView({ ids }: { ids: string[] }) {
  const t = useTranslations("compare");
  const queries = useQueries({ queries: ids.map((id) => videoQuery(id)) });
  const failed = queries.find((query) => query.isError);
  const videos = queries.flatMap((query) => (query.data ? [query.data] : []));
  return (
    <div className="grid gap-6">
      <h1 className="text-l font-semibold">{t("title")}</h1>
      {ids.length < 2 ? (
        <StateView
          title={t("emptyTitle")}
          icon={<Columns2 aria-hidden />}
          action={
            <Link href="/gallery" className={buttonClass({ kind: "primary" })}>
              {t("toGallery")}
            </Link>
          }
        >
          {t("empty")}
        </StateView>
      ) : null}
      {failed ? <ErrorView error={failed.error} onRetry={() => queries.forEach((query) => void query.refetch())} /> : null}
      {!failed && videos.length < ids.length ? (
        <div className="grid gap-4 sm:grid-cols-2">
          {ids.map((id) => (
            <Skeleton key={id} className="aspect-square rounded-l" />
          ))}
        </div>
      ) : null}
      {!failed && ids.length >= 2 && videos.length === ids.length ? (
        <>
          <CompareGrid videos={videos} />
          <RecipeDifferences videos={videos} />
        </>
      ) : null}
    </div>
  );
}
