/** The requests of moderators. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, unwrap, type Schemas } from "@/lib/api/client";

export type Queued = Schemas["QueuedReport"];
export type Moderated = Schemas["ModeratedVideo"];
export type Action = Schemas["DecisionRequest"]["action"];
export type State = "open" | "closed";

const MODERATION = ["moderation"];
const PAGE = 30;
const REFRESH_MS = 30_000;

export function useReports(state: State) {
  return useInfiniteQuery({
    queryKey: [...MODERATION, "reports", state],
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/moderation/reports", { params: { query: { state, limit: PAGE, after: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Schemas["ReportQueue"]) => (page.has_more ? (page.last_id ?? undefined) : undefined),
    refetchInterval: REFRESH_MS,
  });
}

const one = (id: string) => [...MODERATION, "video", id];

export function useModerated(video_id: string) {
  return useQuery({
    queryKey: one(video_id),
    queryFn: () => unwrap(api.GET("/api/moderation/videos/{video_id}", { params: { path: { video_id } } })),
    refetchOnWindowFocus: false,
  });
}

export function useDecide(video_id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["DecisionRequest"]) =>
      unwrap(api.POST("/api/moderation/videos/{video_id}", { params: { path: { video_id } }, body })),
    onSuccess: (video) => queries.setQueryData(one(video_id), video),
    onSettled: () => queries.invalidateQueries({ queryKey: MODERATION }),
  });
}
