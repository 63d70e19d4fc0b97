import { Suspense } from "react";
import { LoginForm } from "@/features/auth/login-form";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.auth.loginTitle);

export default function Page() {
  return (
    <Suspense>
      <LoginForm />
    </Suspense>
  );
}
