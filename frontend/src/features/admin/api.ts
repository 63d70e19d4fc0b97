/** The requests of administrators. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient, type InfiniteData } from "@tanstack/react-query";
import { api, unwrap, type Schemas } from "@/lib/api/client";

export type Account = Schemas["AccountView"];
export type Role = Account["role"];
export const ROLES = ["user", "moderator", "admin"] as const satisfies Role[];

const USERS = ["admin", "users"];
const PAGE = 50;

type Page = Schemas["AccountList"];

export function useAccounts() {
  return useInfiniteQuery({
    queryKey: USERS,
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/admin/users", { params: { query: { limit: PAGE, after: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Page) => (page.has_more ? (page.last_id ?? undefined) : undefined),
  });
}

export function useChangeAccount() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, change }: { id: string; change: Schemas["AccountChange"] }) =>
      unwrap(api.PATCH("/api/admin/users/{user_id}", { params: { path: { user_id: id } }, body: change })),
    onSuccess: (account) =>
      queries.setQueryData<InfiniteData<Page>>(USERS, (old) =>
        old && { ...old, pages: old.pages.map((page) => ({ ...page, data: page.data.map((one) => (one.id === account.id ? account : one)) })) },
      ),
  });
}

export const invite = (role: Role) => unwrap(api.POST("/api/admin/invitations", { body: { role } }));

export type AuditFilter = { action: string; actor_id: string };

export function useAudit({ action, actor_id }: AuditFilter) {
  return useInfiniteQuery({
    queryKey: ["admin", "audit", { action, actor_id }],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/admin/audit", {
          params: { query: { limit: PAGE, after: pageParam, ...(action && { action }), ...(actor_id && { actor_id }) } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Schemas["AuditList"]) => (page.has_more ? (page.last_id ?? undefined) : undefined),
  });
}

const CHECK_MS = 15_000;

/** The checks of this server by name: "ok", or the name of what failed. */
export function useChecks() {
  return useQuery({
    queryKey: ["admin", "checks"],
    queryFn: async (): Promise<Record<string, string>> => {
      const { data, error } = await api.GET("/readyz");
      const body = (data ?? error) as { checks?: Record<string, string> } | undefined;
      if (!body?.checks) throw new TypeError("no checks");
      return body.checks;
    },
    refetchInterval: CHECK_MS,
  });
}

/** While the section is shown and the tab is visible: queries do not refetch in the background. */
const LIVE_MS = 5_000;
const SLOW_MS = 10_000;

export function useQueue() {
  return useQuery({ queryKey: ["admin", "queue"], queryFn: () => unwrap(api.GET("/api/admin/queue")), refetchInterval: LIVE_MS });
}

export function useWorkers() {
  return useQuery({ queryKey: ["admin", "workers"], queryFn: () => unwrap(api.GET("/api/admin/workers")), refetchInterval: LIVE_MS });
}

export function useStorage() {
  return useQuery({ queryKey: ["admin", "storage"], queryFn: () => unwrap(api.GET("/api/admin/storage")), refetchInterval: SLOW_MS });
}

export function useFailures(code: string) {
  return useInfiniteQuery({
    queryKey: ["admin", "failures", code],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/admin/failures", { params: { query: { limit: PAGE, after: pageParam, ...(code && { code }) } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Schemas["FailureList"]) => (page.has_more ? (page.last_id ?? undefined) : undefined),
    refetchInterval: SLOW_MS,
  });
}
