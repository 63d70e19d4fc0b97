"use client";
import { useQuery } from "@tanstack/react-query";
import { api, unwrap, type Schemas } from "@/lib/api/client";

export type Model = Schemas["ModelView"];
export type Style = Schemas["StyleView"];

const HOUR_MS = 3_600_000;

/** The models that a request can name; the first one is the server's own. */
export function useModels(enabled: boolean) {
  return useQuery({
    queryKey: ["models"],
    queryFn: () => unwrap(api.GET("/api/models")).then((list) => list.data),
    staleTime: HOUR_MS,
    enabled,
  });
}

export function useStyles(enabled: boolean) {
  return useQuery({
    queryKey: ["styles"],
    queryFn: () => unwrap(api.GET("/api/styles")).then((list) => list.data),
    staleTime: HOUR_MS,
    enabled,
  });
}
