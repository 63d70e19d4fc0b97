"use client";
import { useRouter } from "next/navigation";
import { Maximize2 } from "lucide-react";
import { IconButton } from "@/components/button";
import { Overlay } from "@/components/overlay";
import { SignedInOnly } from "@/features/auth/signed-in-only";
import { useTranslations } from "@/lib/i18n";
import { nameOf, useVideo } from "./api";
import { VideoSkeleton, VideoView } from "./video-view";

/** A video above the gallery or the queue. Closing it goes back. */
export function VideoOverlay({ id }: { id: string }) {
  const t = useTranslations("videos");
  const router = useRouter();
  const video = useVideo(id).data;
  const close = () => router.back();
  const fullPage = (
    <IconButton name={t("fullPage")} onClick={() => location.assign(`/v/${id}`)}>
      <Maximize2 aria-hidden />
    </IconButton>
  );
  return (
    <Overlay label={video ? nameOf(video) : t("title")} onClose={close} actions={fullPage}>
      <SignedInOnly loading={<VideoSkeleton heading="h2" />}>
        <VideoView id={id} heading="h2" onGone={close} />
      </SignedInOnly>
    </Overlay>
  );
}
