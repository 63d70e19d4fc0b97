"use client";
import Link from "next/link";
import { Button } from "@/components/button";
import { ErrorView } from "@/components/error-view";
import { MovingPoster } from "@/components/moving-poster";
import { mediaUrl } from "@/lib/api/media";
import { useTranslations } from "@/lib/i18n";
import { usePublished } from "./api";

const FIRST = 12;

/** Public videos of this server; nothing as long as there are none, or as it is not known whether there are any. */
export function PublicGallery() {
  const t = useTranslations("landing");
  const published = useTranslations("published");
  const common = useTranslations("common");
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = usePublished(FIRST);
  const videos = data?.pages.flatMap((page) => page.data) ?? [];
  if (error && videos.length === 0) {
    return (
      <section aria-label={t("samples")} className="mx-auto w-full max-w-page px-4 pb-24 sm:px-8">
        <ErrorView error={error} heading="h2" onRetry={() => void refetch()} />
      </section>
    );
  }
  if (videos.length === 0) return null;
  return (
    <section aria-label={t("samples")} className="mx-auto grid w-full max-w-page gap-5 px-4 pb-24 sm:px-8">
      <div>
        <h2 className="text-l font-semibold">{t("samples")}</h2>
        <p className="text-muted">{t("samplesLead")}</p>
      </div>
      <ul className="grid grid-cols-2 gap-x-4 gap-y-6 sm:grid-cols-3 lg:grid-cols-4">
        {videos.map((video) => {
          const name = video.title || video.prompt || published("untitled");
          return (
            <li key={video.id} className="min-w-0 [contain-intrinsic-size:auto_18rem] [content-visibility:auto]">
              <Link href={`/gallery/${video.id}`} prefetch={false} className="grid gap-1.5 rounded-l">
                <span className="block aspect-square overflow-hidden rounded-l bg-raised">
                  <MovingPoster poster={mediaUrl(video.poster?.url)} preview={mediaUrl(video.preview?.url)} alt="" />
                </span>
                <span className="line-clamp-2 text-s text-muted [overflow-wrap:anywhere]">{name}</span>
              </Link>
            </li>
          );
        })}
      </ul>
      {hasNextPage ? (
        <Button className="justify-self-center" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {common("showMore")}
        </Button>
      ) : null}
    </section>
  );
}
