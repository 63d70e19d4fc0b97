/** The requests about finished videos. */
import { queryOptions, useInfiniteQuery, useMutation, useQuery, useQueryClient, type InfiniteData, type QueryClient } from "@tanstack/react-query";
import { api, unwrap, type Schemas } from "@/lib/api/client";
import { newKey } from "@/lib/random";
import { requestOf, type Filters } from "./filters";
import { batches } from "./selection";

export type Video = Schemas["VideoView"];
export type VideoChange = Schemas["VideoChange"];

/** What a video is called: its title, otherwise its prompt. */
export function nameOf(video: Pick<Video, "title"> & { prompt: string | null }): string {
  return video.title || video.prompt || video.title;
}

const VIDEOS = ["videos"];
const PAGE = 24;
/** Signed links are valid for an hour. */
const STALE_MS = 50 * 60_000;

type Page = Schemas["VideoList"];

export function useVideos(filters: Filters) {
  return useInfiniteQuery({
    queryKey: [...VIDEOS, "list", filters],
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/videos", { params: { query: { limit: PAGE, after: pageParam, ...requestOf(filters) } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Page) => (page.has_more ? (page.last_id ?? undefined) : undefined),
    staleTime: STALE_MS,
    refetchOnMount: "always",
  });
}

export function useTags() {
  return useQuery({ queryKey: [...VIDEOS, "tags"], queryFn: () => unwrap(api.GET("/api/videos/tags")).then((list) => list.data) });
}

export function videoQuery(video_id: string) {
  return queryOptions({
    queryKey: [...VIDEOS, "one", video_id],
    queryFn: () => unwrap(api.GET("/api/videos/{video_id}", { params: { path: { video_id } } })),
    staleTime: STALE_MS,
    refetchInterval: STALE_MS,
  });
}

export function useVideo(id: string) {
  return useQuery(videoQuery(id));
}

/** Puts a changed video where it is shown; lists that it may leave or enter are read again. */
function store(queries: QueryClient, video: Video): void {
  queries.setQueryData(videoQuery(video.id).queryKey, video);
  queries.setQueriesData<InfiniteData<Page>>({ queryKey: [...VIDEOS, "list"] }, (old) =>
    old && { ...old, pages: old.pages.map((page) => ({ ...page, data: page.data.map((one) => (one.id === video.id ? video : one)) })) },
  );
}

export function useChangeVideo() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, change }: { id: string; change: VideoChange }) =>
      unwrap(api.PATCH("/api/videos/{video_id}", { params: { path: { video_id: id } }, body: change })),
    onSuccess: (video, { change }) => {
      store(queries, video);
      if (change.tags) void queries.invalidateQueries({ queryKey: [...VIDEOS, "tags"] });
    },
  });
}

/** To the trash or back. The list shows it at once. */
export function useTrash() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, restore }: { id: string; restore: boolean }) => {
      const params = { params: { path: { video_id: id } } };
      return unwrap(restore ? api.POST("/api/videos/{video_id}/restore", params) : api.DELETE("/api/videos/{video_id}", params));
    },
    onMutate: ({ id }) =>
      queries.setQueriesData<InfiniteData<Page>>({ queryKey: [...VIDEOS, "list"] }, (old) =>
        old && { ...old, pages: old.pages.map((page) => ({ ...page, data: page.data.filter((one) => one.id !== id) })) },
      ),
    onSettled: () => queries.invalidateQueries({ queryKey: VIDEOS }),
  });
}

export type Bulk = { ids: string[]; action: Schemas["BulkRequest"]["action"]; tag?: string };
const LEAVES: Bulk["action"][] = ["trash", "restore"];

/** The same change to many videos. */
export function useBulk() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ ids, action, tag }: Bulk) => {
      for (const batch of batches(ids)) await unwrap(api.POST("/api/videos/bulk", { body: { ids: batch, action, tag: tag ?? null } }));
    },
    onMutate: ({ ids, action }) => {
      if (!LEAVES.includes(action)) return;
      queries.setQueriesData<InfiniteData<Page>>({ queryKey: [...VIDEOS, "list"] }, (old) =>
        old && { ...old, pages: old.pages.map((page) => ({ ...page, data: page.data.filter((one) => !ids.includes(one.id)) })) },
      );
    },
    onSettled: () => queries.invalidateQueries({ queryKey: VIDEOS }),
  });
}

export async function recipe(video_id: string): Promise<Schemas["Spec"]> {
  return unwrap(api.GET("/api/videos/{video_id}/recipe", { params: { path: { video_id } } })) as Promise<Schemas["Spec"]>;
}

export function finish(video_id: string, body: Schemas["FinishRequest"]): Promise<Schemas["JobView"]> {
  return unwrap(
    api.POST("/api/videos/{video_id}/finish", { params: { path: { video_id }, header: { "idempotency-key": newKey() } }, body }),
  );
}

/** The address under which visitors see a share: this site, whatever the gateway's own address is. */
export const shareAddress = (token: string) => new URL(`/s/${token}`, location.origin).href;

export function createShare(video_id: string, body: Schemas["ShareRequest"]) {
  return unwrap(api.POST("/api/videos/{video_id}/shares", { params: { path: { video_id } }, body }));
}

export const sharesKey = (id: string) => [...VIDEOS, "shares", id];

export function useShares(video_id: string) {
  return useQuery({
    queryKey: sharesKey(video_id),
    queryFn: () => unwrap(api.GET("/api/videos/{video_id}/shares", { params: { path: { video_id } } })).then((list) => list.data),
  });
}

export const revokeShare = (share_id: string) => unwrap(api.DELETE("/api/shares/{share_id}", { params: { path: { share_id } } }));
