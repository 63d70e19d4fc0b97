import { Suspense } from "react";
import { ForgotForm } from "@/features/auth/forgot-form";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.auth.forgotTitle);

export default function Page() {
  return (
    <Suspense>
      <ForgotForm />
    </Suspense>
  );
}
