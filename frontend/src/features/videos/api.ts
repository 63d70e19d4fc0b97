/** The requests about finished videos. */
import { queryOptions, useMutation, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { api, unwrap, type Schemas } from "@/lib/api/client";
import { newKey } from "@/lib/random";
import type { Filters } from "./filters";
import { LINKS_STALE_MS, absent, withChanged, without, type Listed } from "./listed";
import { BULK, batches } from "./selection";

export type Video = Schemas["VideoView"];
export type VideoChange = Schemas["VideoChange"];

/** What a video is called: its title, otherwise its prompt. */
export function nameOf(video: Pick<Video, "title"> & { prompt: string | null }): string {
  return video.title || video.prompt || video.title;
}

const VIDEOS = ["videos"];
const LISTS = [...VIDEOS, "list"];
const TAGS = [...VIDEOS, "tags"];

export function useTags() {
  return useQuery({ queryKey: TAGS, queryFn: () => unwrap(api.GET("/api/videos/tags")).then((list) => list.data) });
}

export const listKey = (filters: Filters) => [...LISTS, filters];

export function videoQuery(video_id: string) {
  return queryOptions({
    queryKey: [...VIDEOS, "one", video_id],
    queryFn: () => unwrap(api.GET("/api/videos/{video_id}", { params: { path: { video_id } } })),
    staleTime: LINKS_STALE_MS,
    refetchInterval: LINKS_STALE_MS,
  });
}

export function useVideo(id: string) {
  return useQuery(videoQuery(id));
}

/** Puts changed videos where they are shown. Only a search that one of them may enter is read again, from its start. */
function store(queries: QueryClient, changed: Video[]): void {
  for (const video of changed) queries.setQueryData(videoQuery(video.id).queryKey, video);
  for (const [key, old] of queries.getQueriesData<Listed>({ queryKey: LISTS })) {
    if (!old) continue;
    const filters = key.at(-1) as Filters;
    queries.setQueryData(key, withChanged(old, filters, changed));
    if (filters.q && absent(old, filters, changed).length > 0) void queries.resetQueries({ queryKey: key, exact: true });
  }
}

export function useChangeVideo() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, change }: { id: string; change: VideoChange }) =>
      unwrap(api.PATCH("/api/videos/{video_id}", { params: { path: { video_id: id } }, body: change })),
    onSuccess: (video, { change }) => {
      store(queries, [video]);
      if (change.tags) void queries.invalidateQueries({ queryKey: TAGS });
    },
  });
}

export type Bulk = { ids: string[]; action: Schemas["BulkRequest"]["action"]; tag?: string };
const LEAVES: Bulk["action"][] = ["trash", "restore"];
/** What changes the tags that can be chosen: those of the trash cannot. */
const CHANGES_TAGS: Bulk["action"][] = [...LEAVES, "add_tag", "remove_tag"];

/** The same change to many videos. They leave for the trash at once, and are back if that fails. */
export function useBulk() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ ids, action, tag }: Bulk) => {
      for (const batch of batches(ids)) {
        const { data } = await unwrap(api.POST("/api/videos/bulk", { body: { ids: batch, action, tag: tag ?? null } }));
        store(queries, data);
      }
    },
    onMutate: ({ ids, action }) => {
      const before = queries.getQueriesData<Listed>({ queryKey: LISTS });
      if (LEAVES.includes(action)) queries.setQueriesData<Listed>({ queryKey: LISTS }, (old) => old && without(old, ids));
      return before;
    },
    onError: (_error, { ids }, before) => {
      // Of several requests some may have succeeded.
      if (ids.length > BULK) return void queries.resetQueries({ queryKey: LISTS });
      for (const [key, list] of before ?? []) queries.setQueryData(key, list);
    },
    onSettled: (_data, _error, { action }) => {
      if (CHANGES_TAGS.includes(action)) void queries.invalidateQueries({ queryKey: TAGS });
    },
  });
}

export async function recipe(video_id: string): Promise<Schemas["Spec"]> {
  return unwrap(api.GET("/api/videos/{video_id}/recipe", { params: { path: { video_id } } })) as Promise<Schemas["Spec"]>;
}

export const recipeKey = (video_id: string) => [...VIDEOS, "recipe", video_id];

/** The request that repeats the video. It stays the same. */
export function useRecipe(video_id: string) {
  return useQuery({ queryKey: recipeKey(video_id), queryFn: () => recipe(video_id), staleTime: Infinity });
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
