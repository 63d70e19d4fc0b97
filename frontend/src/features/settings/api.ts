/** The requests about the own account. */
import { useQuery } from "@tanstack/react-query";
import { api, authorizedFetch, unwrap } from "@/lib/api/client";
import { toApiError } from "@/lib/api/errors";
import { session } from "@/lib/api/session";

export const SESSIONS = ["me", "sessions"];

export function useSessions() {
  return useQuery({ queryKey: SESSIONS, queryFn: () => unwrap(api.GET("/api/me/sessions")).then((list) => list.data) });
}

export const changeName = (display_name: string) => unwrap(api.PATCH("/api/me", { body: { display_name } }));

export const changeEmail = (password: string, email: string) => unwrap(api.POST("/api/me/email", { body: { password, email } }));

export const confirmEmail = (token: string) => unwrap(api.POST("/api/me/email/confirm", { body: { token } }));

export const changePassword = (current_password: string, new_password: string) =>
  unwrap(api.POST("/api/me/password", { body: { current_password, new_password } }));

export const endSession = (session_id: string) => unwrap(api.DELETE("/api/me/sessions/{session_id}", { params: { path: { session_id } } }));

export async function endAllSessions(): Promise<void> {
  await unwrap(api.DELETE("/api/me/sessions"));
  session.signOut();
}

export const newSecondFactor = (password: string) => unwrap(api.POST("/api/me/second-factor", { body: { password } }));

export const confirmSecondFactor = (code: string) => unwrap(api.POST("/api/me/second-factor/confirm", { body: { code } }));

export const removeSecondFactor = (password: string) => unwrap(api.DELETE("/api/me/second-factor", { body: { password } }));

export async function deleteAccount(password: string): Promise<void> {
  await unwrap(api.DELETE("/api/me", { body: { password } }));
  session.signOut();
}

/** Saves the zip. It needs the access token, so it is no plain link. */
export async function downloadExport(): Promise<void> {
  const response = await authorizedFetch(new Request(new URL("/api/me/export", location.origin)));
  if (!response.ok) throw toApiError(response, await response.json().catch(() => null));
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = "auraanim-export.zip";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
