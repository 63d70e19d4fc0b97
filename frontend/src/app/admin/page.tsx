import { SignedInOnly } from "@/features/auth/signed-in-only";
import { AdminView } from "@/features/admin/admin-view";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.admin.title);

export default function Page() {
  return (
    <div className="mx-auto w-full max-w-[100rem] px-4 py-6 sm:px-6">
      <SignedInOnly role="admin">
        <AdminView />
      </SignedInOnly>
    </div>
  );
}
