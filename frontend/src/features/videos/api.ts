/** The requests about finished videos. */
import { queryOptions, useInfiniteQuery, useMutation, useQuery, useQueryClient, type InfiniteData, type QueryClient } from "@tanstack/react-query";
import { api, unwrap, type Schemas } from "@/lib/api/client";
import { newKey } from "@/lib/random";

export type Video = Schemas["VideoView"];
export type VideoChange = Schemas["VideoChange"];
export type Filters = { q: string; favourite: boolean; trashed: boolean; format: "" | Video["format"] };

/** What a video is called: its title, otherwise its prompt. */
export function nameOf(video: Pick<Video, "title"> & { prompt: string | null }): string {
  return video.title || video.prompt || video.title;
}

const VIDEOS = ["videos"];
const PAGE = 24;
/** Signed links are valid for an hour. */
const STALE_MS = 50 * 60_000;

type Page = Schemas["VideoList"];

export function useVideos({ q, favourite, trashed, format }: Filters) {
  return useInfiniteQuery({
    queryKey: [...VIDEOS, "list", { q, favourite, trashed, format }],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/videos", {
          params: { query: { limit: PAGE, after: pageParam, trashed, ...(q && { q }), ...(favourite && { favourite }), ...(format && { format }) } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Page) => (page.has_more ? (page.last_id ?? undefined) : undefined),
    staleTime: STALE_MS,
    refetchOnMount: "always",
  });
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
    onSuccess: (video) => store(queries, video),
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

export async function recipe(video_id: string): Promise<Schemas["Spec"]> {
  return unwrap(api.GET("/api/videos/{video_id}/recipe", { params: { path: { video_id } } })) as Promise<Schemas["Spec"]>;
}

export function finish(video_id: string, body: Schemas["FinishRequest"]): Promise<Schemas["JobView"]> {
  return unwrap(
    api.POST("/api/videos/{video_id}/finish", { params: { path: { video_id }, header: { "idempotency-key": newKey() } }, body }),
  );
}

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

export function usePublicVideos() {
  return useQuery({
    queryKey: ["public-videos"],
    queryFn: () => unwrap(api.GET("/api/gallery", { params: { query: { limit: 12 } } })).then((list) => list.data),
    staleTime: STALE_MS,
  });
}
