"use client";
import { useState } from "react";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { Switch } from "@/components/switch";
import { useTranslations } from "@/lib/i18n";
import type { Video } from "./api";
import { useVideoActions } from "./use-video-actions";

export function PublishDialog({ video, onClose }: { video: Video; onClose: () => void }) {
  const t = useTranslations("videos");
  const { change, isBusy } = useVideoActions();
  const [showPrompt, setShowPrompt] = useState(video.show_prompt);
  return (
    <Dialog title={t("publishTitle")} onClose={onClose}>
      <p className="text-muted">{t("publishLead")}</p>
      <Switch label={t("showPrompt")} checked={showPrompt} onChange={setShowPrompt} />
      <Button kind="primary" wide busy={isBusy} onClick={() => change(video, { visibility: "public", show_prompt: showPrompt }, onClose)}>
        {t("publish")}
      </Button>
    </Dialog>
  );
}
