import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { cache } from "react";
import { videoMetadata } from "@/app/video-metadata";
import { SharePassword } from "@/features/published/share-password";
import { VisibleVideo } from "@/features/published/visible-video";
import { openShare } from "@/lib/api/server";

type Props = { params: Promise<{ token: string }> };
/** One request to the gateway for the tags and the page together: it counts as one view. */
const opened = cache(openShare);
const UNLISTED: Metadata = { robots: { index: false, follow: false } };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { token } = await params;
  const result = await opened(token);
  return result.kind === "video" ? videoMetadata(result.video, `/s/${token}`, false) : UNLISTED;
}

export default async function Page({ params }: Props) {
  const { token } = await params;
  const result = await opened(token);
  if (result.kind === "gone") notFound();
  if (result.kind === "unavailable") throw new Error("the gateway does not answer");
  if (result.kind === "password") return <SharePassword token={token} />;
  return <VisibleVideo source={{ share_token: token }} initial={result.video} />;
}
