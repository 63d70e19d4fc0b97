"use client";
import { useState } from "react";
import { MovingPoster } from "@/components/moving-poster";
import { mediaUrl } from "@/lib/api/media";
import { useTranslations } from "@/lib/i18n";
import { nameOf, usePublicVideos } from "./api";

/** Public videos of this server; nothing as long as there are none. */
export function PublicSamples() {
  const t = useTranslations("landing");
  const videos = useTranslations("videos");
  const { data } = usePublicVideos();
  const [playing, setPlaying] = useState<string | null>(null);
  if (!data?.length) return null;
  return (
    <section aria-label={t("samples")} className="mx-auto grid w-full max-w-page gap-4 px-4 pb-20 sm:px-8">
      <div>
        <h2 className="text-l font-semibold">{t("samples")}</h2>
        <p className="text-muted">{t("samplesLead")}</p>
      </div>
      <ul className="grid grid-cols-2 gap-4 sm:grid-cols-3 lg:grid-cols-4">
        {data.map((video) => (
          <li key={video.id} className="grid min-w-0 gap-1.5">
            <button
              type="button"
              aria-label={videos("play", { title: nameOf(video) })}
              onClick={() => setPlaying(video.id)}
              className="relative aspect-square overflow-hidden rounded-l bg-raised"
            >
              {playing === video.id && video.format !== "gif" ? (
                <video src={mediaUrl(video.video.url)} autoPlay loop muted playsInline className="size-full object-cover" />
              ) : (
                <MovingPoster poster={mediaUrl(video.poster?.url)} preview={mediaUrl(video.preview?.url)} alt="" />
              )}
            </button>
            <p className="line-clamp-2 text-s text-muted [overflow-wrap:anywhere]">{nameOf(video)}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}
