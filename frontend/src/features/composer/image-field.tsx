"use client";
import { useState } from "react";
import { Button } from "@/components/button";
import { Field } from "@/components/field";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import type { Model } from "@/features/models/api";
import { useDraft } from "./draft";

const SIDES = [768, 512, 384, 256];
const QUALITY = 0.85;

/** The file as base64 of a WebP or JPEG that a request can carry; null if it stays too large. */
async function encode(file: File): Promise<string | null> {
  const bitmap = await createImageBitmap(file);
  for (const side of SIDES) {
    const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(bitmap.width * scale);
    canvas.height = Math.round(bitmap.height * scale);
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const encoded = canvas.toDataURL("image/jpeg", QUALITY).split(",")[1] ?? "";
    if (encoded.length <= LIMITS.image.maxLength) return encoded;
  }
  return null;
}

type Props = { model: Model | undefined; off: string | null; problem: string | null };

export function ImageField({ model, off, problem }: Props) {
  const t = useTranslations("composer");
  const { settings, change } = useDraft();
  const frame = settings.image_from;
  const [error, setError] = useState<string | null>(null);
  const choose = async (file: File | undefined) => {
    if (!file) return;
    const image = await encode(file).catch(() => null);
    setError(image ? null : t("imageTooLarge"));
    if (image) change({ image, image_from: null });
  };
  const need = model?.image === "required" ? t(model.draws_first_frame ? "imageDrawn" : "imageRequired", { model: model.title }) : "";
  return (
    <>
      <Field label={t("image")} help={`${t("imageHelp")} ${need}`.trim()} error={error ?? problem} off={off}>
        {(control) => (
          <input
            {...control}
            type="file"
            accept="image/png,image/jpeg,image/webp"
            onChange={(event) => void choose(event.target.files?.[0])}
            className="text-s text-muted file:mr-3 file:h-8 file:rounded-s file:border-0 file:bg-raised file:px-3 file:text-fg disabled:opacity-45"
          />
        )}
      </Field>
      {settings.image && !off ? (
        <div className="flex items-center gap-3">
          <img src={`data:image/jpeg;base64,${settings.image}`} alt={t("image")} className="size-16 rounded-s object-cover" />
          <Button size="s" onClick={() => change({ image: null })}>
            {t("imageRemove")}
          </Button>
        </div>
      ) : null}
      {frame && !off ? (
        <div className="flex items-center gap-3">
          <span className="text-s text-muted">{t("imageFrom", { seconds: frame.at })}</span>
          <Button size="s" onClick={() => change({ image_from: null })}>
            {t("imageRemove")}
          </Button>
        </div>
      ) : null}
    </>
  );
}
