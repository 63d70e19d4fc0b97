import { Suspense } from "react";
import { VerifyEmail } from "@/features/auth/verify-email";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.auth.verifyTitle);

export default function Page() {
  return (
    <Suspense>
      <VerifyEmail />
    </Suspense>
  );
}
