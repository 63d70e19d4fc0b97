"use client";
import { useRouter } from "next/navigation";
import { useState, type ComponentProps } from "react";
import { CheckCheck, Columns2, Globe, Heart, RotateCcw, Tag, Trash2, X, type LucideIcon } from "lucide-react";
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
  return (
    <div
      role="toolbar"
      aria-label={t("selection")}
      className="fixed inset-x-4 bottom-20 z-30 mx-auto flex w-fit max-w-[calc(100vw-2rem)] animate-rise items-center overflow-x-auto md:gap-1 rounded-l bg-overlay p-2 shadow-float hairline lg:bottom-6"
    >
      <IconButton size="s" name={t("clearSelection")} onClick={onClear}>
        <X aria-hidden />
      </IconButton>
      <span role="status" className="tabular px-2 text-s whitespace-nowrap">
        {t("selected", { count: videos.length })}
      </span>
      <Action name={t("selectAll")} icon={CheckCheck} onClick={onSelectAll} />
      {trashed ? (
        <Action name={t("restore")} icon={RotateCcw} disabled={isBusy} onClick={() => run("restore")} />
      ) : (
        <>
          {comparable ? <Action name={t("compare")} icon={Columns2} onClick={() => router.push(`/compare?ids=${ids.join(",")}`)} /> : null}
          <Action name={t(favourite ? "unfavourite" : "favourite")} icon={Heart} disabled={isBusy} onClick={() => run(favourite ? "unfavourite" : "favourite")} />
          <Action name={t("addTag")} icon={Tag} disabled={isBusy} onClick={() => setTags(true)} />
          <Action name={t(isPublic ? "unpublish" : "publish")} icon={Globe} disabled={isBusy} onClick={() => run(isPublic ? "unpublish" : "publish")} />
          <Action name={t("moveToTrash")} icon={Trash2} kind="danger" disabled={isBusy} onClick={() => run("trash")} />
        </>
      )}
      {tags ? <TagDialog onAdd={(tag) => run("add_tag", tag)} onClose={() => setTags(false)} /> : null}
    </div>
  );
}

type ActionProps = Pick<ComponentProps<typeof Button>, "kind" | "disabled" | "onClick"> & { name: string; icon: LucideIcon };

/** On narrow screens without its text, so that all actions are in view. */
function Action({ name, icon: Icon, kind = "quiet", ...rest }: ActionProps) {
  return (
    <Button {...rest} size="s" kind={kind} title={name} icon={<Icon aria-hidden className="size-4" />} className="max-md:w-9 max-md:px-0">
      <span className="max-md:sr-only">{name}</span>
    </Button>
  );
}
