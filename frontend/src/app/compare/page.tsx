import { SignedInOnly } from "@/features/auth/signed-in-only";
import { CompareView } from "@/features/compare/compare-view";
import { comparedIds } from "@/features/compare/ids";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.compare.title);

export default async function Page({ searchParams }: { searchParams: Promise<{ ids?: string | string[] }> }) {
  const { ids } = await searchParams;
  return (
    <div className="mx-auto w-full max-w-[100rem] px-4 py-6 sm:px-6">
      <SignedInOnly>
        <CompareView ids={comparedIds(ids)} />
      </SignedInOnly>
    </div>
  );
}
