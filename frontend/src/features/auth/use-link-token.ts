"use client";
import { usePathname } from "next/navigation";
import { useEffect, useSyncExternalStore } from "react";
import { linkToken } from "./link-token";

const noSubscription = () => () => undefined;

/** The token of a mailed link; null without one, undefined before the page runs in a browser. */
export function useLinkToken(): { token: string | null | undefined; forget: () => void } {
  const path = usePathname();
  const token = useSyncExternalStore(
    noSubscription,
    () => linkToken.read(path),
    () => undefined,
  );
  useEffect(() => {
    linkToken.keep(path);
    // The router listens to changes of the address only after the effects of its pages.
    const timer = setTimeout(() => linkToken.hide(path));
    return () => clearTimeout(timer);
  }, [path]);
  return { token, forget: () => linkToken.forget(path) };
}
