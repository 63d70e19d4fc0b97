import { Suspense } from "react";
import { ResetForm } from "@/features/auth/reset-form";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.auth.resetTitle);

export default function Page() {
  return (
    <Suspense>
      <ResetForm />
    </Suspense>
  );
}
