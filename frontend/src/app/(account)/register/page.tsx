import { Suspense } from "react";
import { RegisterForm } from "@/features/auth/register-form";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.auth.registerTitle);

export default function Page() {
  return (
    <Suspense>
      <RegisterForm />
    </Suspense>
  );
}
