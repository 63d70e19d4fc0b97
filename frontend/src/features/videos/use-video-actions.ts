"use client";
import { useMutation } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { useDraft } from "@/features/composer/draft";
import { useTranslations } from "@/lib/i18n";
import { recipe, useBulk, useChangeVideo, type Bulk, type Video, type VideoChange } from "./api";

const VARIATIONS = 4;
export type Reuse = "settings" | "seed" | "vary";

/** What can be done with a video, from its tile, its page, and the keyboard. */
export function useVideoActions() {
  const t = useTranslations("videos");
  const common = useTranslations("common");
  const errorText = useErrorText();
  const router = useRouter();
  const onError = (error: unknown) => toast(errorText(error), { tone: "danger" });
  const { mutate: changeVideo, isPending: isChanging } = useChangeVideo();
  const { mutate: mutateAll, isPending: isBusy } = useBulk();
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
  const undo: Partial<Record<Bulk["action"], Bulk["action"]>> = { trash: "restore", restore: "trash", favourite: "unfavourite", unfavourite: "favourite" };
  const changeAll = (bulk: Bulk, onDone?: () => void) =>
    mutateAll(bulk, {
      onError,
      onSuccess: () => {
        onDone?.();
        const back = undo[bulk.action];
        const action = back && { label: common("undo"), run: () => mutateAll({ ...bulk, action: back }, { onError }) };
        toast(t(`bulk.${bulk.action}`, { count: bulk.ids.length }), { action });
      },
    });
  return {
    isBusy: isBusy || isChanging,
    isReusing,
    change: (video: Video, change: VideoChange, onDone?: () => void) => changeVideo({ id: video.id, change }, { onError, onSuccess: onDone }),
    changeAll,
    toggleFavourite: (video: Video) => changeVideo({ id: video.id, change: { favourite: !video.favourite } }, { onError }),
    trash: (video: Video, onDone?: () => void) => changeAll({ ids: [video.id], action: video.trashed_at ? "restore" : "trash" }, onDone),
    reuse: (video: Video, kind: Reuse) => reuse({ id: video.id, kind }),
  };
}
