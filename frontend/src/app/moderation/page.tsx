import { SignedInOnly } from "@/features/auth/signed-in-only";
import { ModerationView } from "@/features/moderation/moderation-view";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.moderation.title);

export default function Page() {
  return (
    <div className="mx-auto w-full max-w-[100rem] px-4 py-6 sm:px-6">
      <SignedInOnly role="moderator">
        <ModerationView />
      </SignedInOnly>
    </div>
  );
}
