"use client";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { Columns2, Globe, Heart, RotateCcw, Tag, Trash2, X } from "lucide-react";
import { Button, IconButton } from "@/components/button";
import { useTranslations } from "@/lib/i18n";
import type { Bulk, Video } from "./api";
import { TagDialog } from "./tag-dialog";
import { useVideoActions } from "./use-video-actions";

const MAX_COMPARED = 4;
type Props = { videos: Video[]; trashed: boolean; onSelectAll: () => void; onClear: () => void };

/** What can be done with all selected videos at once. */
export function BulkBar({ videos, trashed, onSelectAll, onClear }: Props) {
  const t = useTranslations("videos");
  const router = useRouter();
  const { changeAll, isBusy } = useVideoActions();
  const [tags, setTags] = useState(false);
  const ids = videos.map(({ id }) => id);
  const run = (action: Bulk["action"], tag?: string) => changeAll({ ids, action, tag }, onClear);
  const favourite = videos.every((video) => video.favourite);
  const isPublic = videos.every((video) => video.visibility === "public");
  const comparable = videos.length > 1 && videos.length <= MAX_COMPARED;
  const icon = "size-4";
  return (
    <div
      role="toolbar"
      aria-label={t("selection")}
      className="fixed inset-x-4 bottom-20 z-30 mx-auto flex w-fit max-w-[calc(100vw-2rem)] animate-rise items-center gap-1 overflow-x-auto rounded-l bg-overlay p-2 shadow-float hairline lg:bottom-6"
    >
      <IconButton size="s" name={t("clearSelection")} onClick={onClear}>
        <X aria-hidden />
      </IconButton>
      <span role="status" className="tabular px-2 text-s whitespace-nowrap">
        {t("selected", { count: videos.length })}
      </span>
      <Button size="s" kind="quiet" onClick={onSelectAll}>
        {t("selectAll")}
      </Button>
      {trashed ? (
        <Button size="s" busy={isBusy} icon={<RotateCcw aria-hidden className={icon} />} onClick={() => run("restore")}>
          {t("restore")}
        </Button>
      ) : (
        <>
          {comparable ? (
            <Button size="s" icon={<Columns2 aria-hidden className={icon} />} onClick={() => router.push(`/compare?ids=${ids.join(",")}`)}>
              {t("compare")}
            </Button>
          ) : null}
          <Button size="s" kind="quiet" disabled={isBusy} icon={<Heart aria-hidden className={icon} />} onClick={() => run(favourite ? "unfavourite" : "favourite")}>
            {t(favourite ? "unfavourite" : "favourite")}
          </Button>
          <Button size="s" kind="quiet" disabled={isBusy} icon={<Tag aria-hidden className={icon} />} onClick={() => setTags(true)}>
            {t("addTag")}
          </Button>
          <Button size="s" kind="quiet" disabled={isBusy} icon={<Globe aria-hidden className={icon} />} onClick={() => run(isPublic ? "unpublish" : "publish")}>
            {t(isPublic ? "unpublish" : "publish")}
          </Button>
          <Button size="s" kind="danger" disabled={isBusy} icon={<Trash2 aria-hidden className={icon} />} onClick={() => run("trash")}>
            {t("moveToTrash")}
          </Button>
        </>
      )}
      {tags ? <TagDialog onAdd={(tag) => run("add_tag", tag)} onClose={() => setTags(false)} /> : null}
    </div>
  );
}
