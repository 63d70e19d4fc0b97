import { Suspense } from "react";
import { LoginForm } from "@/features/auth/login-form";
import { PasskeyLogIn } from "@/features/passkeys/passkey-log-in";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.auth.loginTitle);

export default function Page() {
  return (
    <Suspense>
      <LoginForm alternative={<PasskeyLogIn />} />
    </Suspense>
  );
}
