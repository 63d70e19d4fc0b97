"use client";
import { useMutation } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { Segmented } from "@/components/segmented";
import { useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { NumberField } from "@/features/composer/number-field";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import { finish, type Video } from "./api";

/** The same drawing at another size, frame rate or format. */
export function FinishDialog({ video, onClose }: { video: Video; onClose: () => void }) {
  const t = useTranslations("videos");
  const errorText = useErrorText();
  const router = useRouter();
  const [form, setForm] = useState({
    width: video.video?.width ?? LIMITS.width.default,
    height: video.video?.height ?? LIMITS.height.default,
    fps: Math.round(video.video?.fps ?? LIMITS.fps.default),
    format: video.format,
  });
  const composer = useTranslations("composer");
  const start = useMutation({
    mutationFn: () => finish(video.id, form),
    onSuccess: () => {
      toast(t("finishQueued"));
      router.push("/queue");
    },
  });
  const field = (name: "width" | "height" | "fps", step = 1) => (
    <NumberField
      label={composer(name)}
      minimum={LIMITS[name].minimum}
      maximum={LIMITS[name].maximum}
      step={step}
      value={form[name]}
      onChange={(value) => value !== null && setForm({ ...form, [name]: value })}
    />
  );
  return (
    <Dialog title={t("finish")} onClose={onClose}>
      <p className="text-muted">{t("finishLead")}</p>
      <Segmented
        label={composer("format")}
        value={form.format}
        onChange={(format) => setForm({ ...form, format })}
        options={LIMITS.format.values.map((value) => ({ value, label: value.toUpperCase() }))}
      />
      <div className="grid grid-cols-3 gap-3">
        {field("width", 2)}
        {field("height", 2)}
        {field("fps")}
      </div>
      {start.error ? (
        <p role="alert" className="text-s text-danger">
          {errorText(start.error)}
        </p>
      ) : null}
      <Button kind="primary" wide busy={start.isPending} onClick={() => start.mutate()}>
        {t("finishStart")}
      </Button>
    </Dialog>
  );
}
