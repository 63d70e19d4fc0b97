"use client";
import { useSyncExternalStore } from "react";

const noSubscription = () => () => undefined;

/** The token of a mailed link: in the fragment, which is sent to no server, or in the query. Null: there is none. */
export function useLinkToken(): string | null | undefined {
  return useSyncExternalStore(noSubscription, readToken, () => undefined);
}

function readToken(): string | null {
  const fragment = new URLSearchParams(location.hash.slice(1));
  return fragment.get("token") ?? new URLSearchParams(location.search).get("token");
}
