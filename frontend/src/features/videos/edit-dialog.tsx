"use client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { TextField } from "@/components/field";
import { useErrorText } from "@/components/states";
import { ApiError } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { useChangeVideo, type Video } from "./api";
import { tagsOf } from "./tags";

const MAX_TITLE_CHARS = 200;

export function EditDialog({ video, onClose }: { video: Video; onClose: () => void }) {
  const t = useTranslations("videos");
  const common = useTranslations("common");
  const errorText = useErrorText();
  const { mutateAsync } = useChangeVideo();
  const [title, setTitle] = useState(video.title);
  const [tags, setTags] = useState(video.tags.join(", "));
  const save = useMutation({ mutationFn: () => mutateAsync({ id: video.id, change: { title, tags: tagsOf(tags) } }), onSuccess: onClose });
  const field = (name: string) => (save.error instanceof ApiError ? save.error.field(name) : null);
  return (
    <Dialog title={t("edit")} onClose={onClose}>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <TextField label={t("titleField")} maxLength={MAX_TITLE_CHARS} placeholder={video.prompt} error={field("title")} value={title} onChange={(event) => setTitle(event.target.value)} />
        <TextField label={t("tags")} help={t("tagsHelp")} error={field("tags")} value={tags} onChange={(event) => setTags(event.target.value)} />
        {save.error && !field("title") && !field("tags") ? (
          <p role="alert" className="text-s text-danger">
            {errorText(save.error)}
          </p>
        ) : null}
        <Button type="submit" kind="primary" busy={save.isPending} className="justify-self-end">
          {common("save")}
        </Button>
      </form>
    </Dialog>
  );
}
