/** The requests about API keys. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap, type Schemas } from "@/lib/api/client";

export type Key = Schemas["KeyView"];
export type Scope = Schemas["NewKey"]["scopes"][number];
export const SCOPES = ["jobs:read", "jobs:write", "videos:read", "videos:write", "admin"] as const satisfies Scope[];
/** What most programs need: make videos and fetch them. */
export const USUAL_SCOPES: Scope[] = ["jobs:read", "jobs:write", "videos:read"];
export const KEYS = ["keys"];
const MAX_KEYS = 100;

export function useKeys() {
  return useQuery({
    queryKey: KEYS,
    queryFn: () => unwrap(api.GET("/api/keys", { params: { query: { limit: MAX_KEYS } } })).then((list) => list.data),
  });
}

export const createKey = (body: Schemas["NewKey"]) => unwrap(api.POST("/api/keys", { body }));

export const revokeKey = (key_id: string) => unwrap(api.DELETE("/api/keys/{key_id}", { params: { path: { key_id } } }));
