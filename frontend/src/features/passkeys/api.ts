/** The requests about passkeys, and the browser's part of them. */
import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { api, unwrap, type Schemas } from "@/lib/api/client";
import { session } from "@/lib/api/session";

export type Passkey = Schemas["PasskeyView"];
export const PASSKEYS = ["me", "passkeys"];

const noSubscription = () => () => undefined;
/** Over TLS or on localhost, with a host name: never for an address such as 127.0.0.1. */
const supported = () =>
  typeof PublicKeyCredential !== "undefined" &&
  "parseRequestOptionsFromJSON" in PublicKeyCredential &&
  window.isSecureContext &&
  !/^[\d.]+$|:/.test(location.hostname);

export function usePasskeysSupported(): boolean {
  return useSyncExternalStore(noSubscription, supported, () => false);
}

export function usePasskeys() {
  return useQuery({ queryKey: PASSKEYS, queryFn: () => unwrap(api.GET("/api/me/passkeys")).then((list) => list.data) });
}

/** The person closed the browser's dialog, or there was no answer. */
export class PasskeyCanceled extends Error {}

/** This device has a passkey of this account already. */
export class PasskeyExists extends Error {}

async function ask(work: () => Promise<Credential | null>): Promise<Record<string, unknown>> {
  const credential = await work().catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "InvalidStateError") throw new PasskeyExists();
    return null;
  });
  if (!(credential instanceof PublicKeyCredential)) throw new PasskeyCanceled();
  return credential.toJSON() as Record<string, unknown>;
}

export async function addPasskey(name: string, password: string): Promise<Passkey> {
  const { options } = await unwrap(api.POST("/api/me/passkeys/options", { body: { password } }));
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as unknown as PublicKeyCredentialCreationOptionsJSON);
  const credential = await ask(() => navigator.credentials.create({ publicKey }));
  return unwrap(api.POST("/api/me/passkeys", { body: { name, credential } }));
}

export async function removePasskey(passkey_id: string, password: string): Promise<void> {
  await unwrap(api.DELETE("/api/me/passkeys/{passkey_id}", { params: { path: { passkey_id } }, body: { password } }));
}

export async function logInWithPasskey(): Promise<void> {
  const { options } = await unwrap(api.POST("/api/auth/passkey/options"));
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as unknown as PublicKeyCredentialRequestOptionsJSON);
  const credential = await ask(() => navigator.credentials.get({ publicKey }));
  const token = await unwrap(api.POST("/api/auth/passkey/login", { body: { credential } }));
  session.signIn(token.access_token, token.expires_in);
}
