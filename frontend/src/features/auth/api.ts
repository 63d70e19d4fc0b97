/** Registration and sign-in. */
import { api, unwrap, type Schemas } from "@/lib/api/client";
import { session } from "@/lib/api/session";

type Credentials = { email: string; password: string; code?: string };

export async function logIn({ email, password, code }: Credentials): Promise<void> {
  const token = await unwrap(api.POST("/api/auth/login", { body: { email, password, code: code || null } }));
  session.signIn(token.access_token, token.expires_in);
}

export async function logOut(): Promise<void> {
  await unwrap(api.POST("/api/auth/logout"));
  session.signOut();
}

/** True if the account is ready; false if a mail must be confirmed first. */
export async function register(account: { email: string; password: string; invitation?: string }): Promise<boolean> {
  const body: Schemas["Registration"] = { ...account, invitation: account.invitation || null };
  const created = await unwrap(api.POST("/api/auth/register", { body }));
  if (created.email_verification_required) return false;
  await logIn(account);
  return true;
}

export async function forgotPassword(email: string): Promise<void> {
  await unwrap(api.POST("/api/auth/password/forgot", { body: { email } }));
}

export async function resetPassword(token: string, password: string): Promise<void> {
  await unwrap(api.POST("/api/auth/password/reset", { body: { token, password } }));
}

export async function verifyEmail(token: string): Promise<void> {
  await unwrap(api.POST("/api/auth/verify-email", { body: { token } }));
}
