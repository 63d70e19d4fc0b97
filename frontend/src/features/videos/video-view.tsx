"use client";
import { useMutation } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { Copy, Dices, Download, Globe, Heart, RefreshCw, Share2 } from "lucide-react";
import { Button, buttonClass } from "@/components/button";
import { ErrorView, Skeleton, StateView, useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { useDraft } from "@/features/composer/draft";
import { mediaUrl } from "@/lib/api/media";
import { useTranslations } from "@/lib/i18n";
import { useShortcuts } from "@/lib/use-shortcuts";
import { cx } from "@/lib/cx";
import { nameOf, recipe, useChangeVideo, useVideo, type Video } from "./api";
import { FinishDialog } from "./finish-dialog";
import { Recipe } from "./recipe";
import { ShareDialog } from "./share-dialog";
import { TrashButton } from "./video-tile";

/** One video: its player, its recipe, and what can be done with it. */
export function VideoView({ id }: { id: string }) {
  const video = useVideo(id);
  if (video.isPending) return <Skeleton className="aspect-video rounded-l" />;
  if (video.isError) return <ErrorView error={video.error} onRetry={() => void video.refetch()} />;
  return <Loaded video={video.data} />;
}

function Loaded({ video }: { video: Video }) {
  const t = useTranslations("videos");
  return (
    <article aria-label={nameOf(video)} className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_22rem] lg:gap-10">
      <div className="grid content-start gap-4">
        {video.video ? <Player video={video} /> : <StateView title={t("rejected")} />}
      </div>
      <div className="grid content-start gap-6">
        <div className="grid gap-2">
          <h1 className="text-l font-semibold [overflow-wrap:anywhere]">{nameOf(video)}</h1>
          {video.prompt === nameOf(video) ? null : <p className="text-muted [overflow-wrap:anywhere]">{video.prompt}</p>}
        </div>
        <Actions video={video} />
        <Recipe video={video} />
      </div>
    </article>
  );
}

function Player({ video }: { video: Video }) {
  const t = useTranslations("videos");
  const src = mediaUrl(video.video?.url ?? "");
  const look = "max-h-[76svh] w-full rounded-l bg-black object-contain";
  const name = t("videoName", { title: nameOf(video) });
  if (video.format === "gif") return <img src={src} alt={name} className={look} />;
  return <video key={src} src={src} poster={mediaUrl(video.poster?.url) ?? undefined} aria-label={name} controls autoPlay loop muted playsInline className={look} />;
}

function Actions({ video }: { video: Video }) {
  const t = useTranslations("videos");
  const errorText = useErrorText();
  const router = useRouter();
  const draft = useDraft();
  const [open, setOpen] = useState<"share" | "finish" | null>(null);
  const onError = (error: unknown) => toast(errorText(error), { tone: "danger" });
  const change = useChangeVideo();
  const set = (values: Parameters<typeof change.mutate>[0]["change"]) => change.mutate({ id: video.id, change: values }, { onError });
  const reuse = useMutation({
    mutationFn: async (kind: "settings" | "seed" | "vary") => {
      const spec = await recipe(video.id);
      if (kind === "seed") draft.set("seed", spec.seed ?? null);
      else draft.use(kind === "vary" ? { ...spec, seed: null } : spec);
      if (kind === "vary") draft.setVariations(4);
      router.push("/create");
    },
    onError,
  });
  useShortcuts({
    ".": () => set({ favourite: !video.favourite }),
    r: () => reuse.mutate("settings"),
    s: () => reuse.mutate("seed"),
  });
  const url = mediaUrl(video.video?.url);
  const isPublic = video.visibility === "public";
  const icon = "size-4";
  return (
    <div className="grid gap-2">
      <Button kind="primary" wide icon={<Copy aria-hidden className={icon} />} busy={reuse.isPending} onClick={() => reuse.mutate("settings")}>
        {t("useSettings")}
      </Button>
      <div className="grid grid-cols-2 gap-2">
        <Button icon={<Dices aria-hidden className={icon} />} onClick={() => reuse.mutate("vary")}>
          {t("vary")}
        </Button>
        <Button onClick={() => reuse.mutate("seed")}>{t("useSeed")}</Button>
        <Button icon={<RefreshCw aria-hidden className={icon} />} disabled={!video.finishable} title={video.finishable ? undefined : t("finishGone")} onClick={() => setOpen("finish")}>
          {t("finish")}
        </Button>
        <Button icon={<Share2 aria-hidden className={icon} />} onClick={() => setOpen("share")}>
          {t("share")}
        </Button>
        {url ? (
          <a href={url} download className={buttonClass()}>
            <Download aria-hidden className={icon} />
            {t("download")}
          </a>
        ) : null}
        <Button icon={<Globe aria-hidden className={icon} />} onClick={() => set({ visibility: isPublic ? "private" : "public" })}>
          {t(isPublic ? "unpublish" : "publish")}
        </Button>
      </div>
      <div className="flex items-center gap-1">
        <Button kind="quiet" size="s" aria-pressed={video.favourite} icon={<Heart aria-hidden className={cx(icon, video.favourite && "fill-current")} />} onClick={() => set({ favourite: !video.favourite })}>
          {t(video.favourite ? "unfavourite" : "favourite")}
        </Button>
        <TrashButton video={video} onDone={() => router.push("/gallery")} />
      </div>
      {open === "share" ? <ShareDialog video={video} onClose={() => setOpen(null)} /> : null}
      {open === "finish" ? <FinishDialog video={video} onClose={() => setOpen(null)} /> : null}
    </div>
  );
}
