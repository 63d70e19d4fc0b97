"use client";
import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { api, unwrap } from "@/lib/api/client";
import { session } from "@/lib/api/session";

export const ME = ["me"];

export function useSession() {
  return useSyncExternalStore(
    (notify) => session.subscribe(notify),
    () => session.status,
    () => "unknown" as const,
  );
}

/** The account of this browser; undefined while it loads and without a session. */
export function useMe() {
  const status = useSession();
  return useQuery({ queryKey: ME, queryFn: () => unwrap(api.GET("/api/me")), enabled: status === "signed-in" });
}
