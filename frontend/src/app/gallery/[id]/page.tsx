import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { cache } from "react";
import { videoMetadata } from "@/app/video-metadata";
import { VisibleVideo } from "@/features/published/visible-video";
import { openPublished } from "@/lib/api/server";

type Props = { params: Promise<{ id: string }> };
const opened = cache(openPublished);

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { id } = await params;
  const result = await opened(id);
  return result.kind === "video" ? videoMetadata(result.video, `/gallery/${id}`, true) : {};
}

/** The public page of a published video. */
export default async function Page({ params }: Props) {
  const { id } = await params;
  const result = await opened(id);
  if (result.kind === "unavailable") throw new Error("the gateway does not answer");
  if (result.kind !== "video") notFound();
  return <VisibleVideo source={{ video_id: id }} initial={result.video} />;
}
