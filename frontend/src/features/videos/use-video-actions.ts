"use client";
import { useMutation } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { useDraft } from "@/features/composer/draft";
import { useTranslations } from "@/lib/i18n";
import { recipe, useBulk, useChangeVideo, type Bulk, type Video, type VideoChange } from "./api";

const VARIATIONS = 4;
/** What undoes an action. */
const OPPOSITE: Partial<Record<Bulk["action"], Bulk["action"]>> = { trash: "restore", restore: "trash", favourite: "unfavourite", unfavourite: "favourite" };
export type Reuse = "settings" | "seed" | "vary";

/** The time of the frame that is shown, in seconds: the end of a video is after its last frame. */
export function frameAt({ duration_seconds, fps }: { duration_seconds: number; fps: number }, seconds: number): number {
  return Math.max(0, Math.floor(Math.min(seconds, duration_seconds - 1 / fps) * 1000) / 1000);
}

/** What can be done with a video, from its tile, its page, and the keyboard. */
export function useVideoActions() {
  const t = useTranslations("videos");
  const common = useTranslations("common");
  const errorText = useErrorText();
  const router = useRouter();
  const onError = (error: unknown) => toast(errorText(error), { tone: "danger" });
  // Promises instead of callbacks: the tile or bar that started a change may be gone when it is answered.
  const { mutateAsync: changeVideo, isPending: isChanging } = useChangeVideo();
  const { mutateAsync: changeMany, isPending: isBusy } = useBulk();
  const { mutate: reuse, isPending: isReusing } = useMutation({
    mutationFn: async ({ id, kind }: { id: string; kind: Reuse }) => {
      const spec = await recipe(id);
      const draft = useDraft.getState();
      if (kind === "seed") draft.set("seed", spec.seed ?? null);
      else draft.use(kind === "vary" ? { ...spec, seed: null } : spec);
      if (kind === "vary") draft.setVariations(VARIATIONS);
      if (kind === "seed") toast(t("seedUsed"));
      router.push("/create");
    },
    onError,
  });
  const change = (video: Video, values: VideoChange, onDone?: () => void) =>
    void changeVideo({ id: video.id, change: values }).then(onDone, onError);
  const changeAll = (bulk: Bulk, onDone?: () => void) => {
    const back = OPPOSITE[bulk.action];
    const undo = back && { label: common("undo"), run: () => void changeMany({ ...bulk, action: back }).catch(onError) };
    void changeMany(bulk).then(() => {
      onDone?.();
      toast(t(`bulk.${bulk.action}`, { count: bulk.ids.length }), { action: undo });
    }, onError);
  };
  /** Begin the next video with a frame of this one. */
  const takeFrame = (video: Video, seconds: number) => {
    if (!video.video) return;
    const draft = useDraft.getState();
    draft.change({ image_from: { video_id: video.id, at: frameAt(video.video, seconds) }, image: null });
    draft.setMode("advanced");
    toast(t("frameUsed"));
    router.push("/create");
  };
  return {
    takeFrame,
    isBusy: isBusy || isChanging,
    isReusing,
    change,
    changeAll,
    toggleFavourite: (video: Video) => change(video, { favourite: !video.favourite }),
    trash: (video: Video, onDone?: () => void) => changeAll({ ids: [video.id], action: video.trashed_at ? "restore" : "trash" }, onDone),
    reuse: (video: Video, kind: Reuse) => reuse({ id: video.id, kind }),
  };
}
