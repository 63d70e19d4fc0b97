import type { Metadata } from "next";
import { mediaUrl } from "@/lib/api/media";
import { siteOrigin, type Visible } from "@/lib/api/server";

/** What other sites and chats show of a link to this video: https://ogp.me. */
export async function videoMetadata(video: Visible, path: string, index: boolean): Promise<Metadata> {
  const origin = await siteOrigin();
  const absolute = (url: string) => new URL(mediaUrl(url), origin).href;
  const { open_graph: graph } = video;
  const image = graph.image ? [{ url: absolute(graph.image), width: graph.image_width ?? undefined, height: graph.image_height ?? undefined, type: graph.image_type ?? undefined }] : [];
  const isPlayable = graph.video_type !== "image/gif";
  return {
    title: graph.title,
    description: graph.description,
    robots: index ? undefined : { index: false, follow: false },
    openGraph: {
      type: "video.other",
      siteName: graph.site_name,
      title: graph.title,
      description: graph.description,
      url: origin + path,
      images: image,
      videos: isPlayable ? [{ url: absolute(graph.video), type: graph.video_type, width: graph.video_width, height: graph.video_height }] : [],
    },
    twitter: { card: "summary_large_image", title: graph.title, description: graph.description, images: image.map(({ url }) => url) },
  };
}
