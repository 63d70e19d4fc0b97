import { VideoPage } from "@/features/videos/video-page";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.videos.title);

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return (
    <div className="mx-auto w-full max-w-[100rem] px-4 py-6 sm:px-6">
      <VideoPage id={id} />
    </div>
  );
}
