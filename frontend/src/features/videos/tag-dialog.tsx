"use client";
import { useState } from "react";
import { Button } from "@/components/button";
import { Chip } from "@/components/chip";
import { Dialog } from "@/components/dialog";
import { TextField } from "@/components/field";
import { useTranslations } from "@/lib/i18n";
import { useTags } from "./api";

const MAX_TAG_CHARS = 30;
const SUGGESTED = 12;

/** One tag for all selected videos: a new one, or one that is used already. */
export function TagDialog({ onAdd, onClose }: { onAdd: (tag: string) => void; onClose: () => void }) {
  const t = useTranslations("videos");
  const tags = useTags().data ?? [];
  const [tag, setTag] = useState("");
  const add = (chosen: string) => {
    onClose();
    onAdd(chosen);
  };
  return (
    <Dialog title={t("addTag")} onClose={onClose}>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (tag.trim()) add(tag.trim());
        }}
      >
        <TextField label={t("tag")} maxLength={MAX_TAG_CHARS} value={tag} onChange={(event) => setTag(event.target.value)} />
        {tags.length > 0 ? (
          <ul className="flex flex-wrap gap-2">
            {tags.slice(0, SUGGESTED).map((one) => (
              <li key={one.tag}>
                <Chip onClick={() => add(one.tag)}>{one.tag}</Chip>
              </li>
            ))}
          </ul>
        ) : null}
        <Button type="submit" kind="primary" disabled={!tag.trim()} className="justify-self-end">
          {t("addTag")}
        </Button>
      </form>
    </Dialog>
  );
}
