"use client";
import { useRouter } from "next/navigation";
import { SignedInOnly } from "@/features/auth/signed-in-only";
import { VideoSkeleton, VideoView } from "./video-view";

/** The page of a video: for its address, a reload, and another device. */
export function VideoPage({ id }: { id: string }) {
  const router = useRouter();
  return (
    <SignedInOnly loading={<VideoSkeleton />}>
      <VideoView id={id} onGone={() => router.push("/gallery")} />
    </SignedInOnly>
  );
}
