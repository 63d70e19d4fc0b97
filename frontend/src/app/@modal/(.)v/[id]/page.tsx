import { VideoOverlay } from "@/features/videos/video-overlay";

/** A video that was opened from another page: above it, with an address of its own. */
export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return <VideoOverlay key={id} id={id} />;
}
