import { SignedInOnly } from "@/features/auth/signed-in-only";
import { VideoView } from "@/features/videos/video-view";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.videos.title);

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return (
    <div className="mx-auto w-full max-w-[100rem] px-4 py-6 sm:px-6">
      <SignedInOnly>
        <VideoView id={id} />
      </SignedInOnly>
    </div>
  );
}
