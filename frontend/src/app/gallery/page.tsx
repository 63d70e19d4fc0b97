import { Suspense } from "react";
import { SignedInOnly } from "@/features/auth/signed-in-only";
import { GallerySkeleton, GalleryView } from "@/features/videos/gallery-view";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.videos.title);

export default function Page() {
  return (
    <div className="mx-auto w-full max-w-[100rem] px-4 py-6 sm:px-6">
      <SignedInOnly loading={<GallerySkeleton />}>
        <Suspense fallback={<GallerySkeleton />}>
          <GalleryView />
        </Suspense>
      </SignedInOnly>
    </div>
  );
}
