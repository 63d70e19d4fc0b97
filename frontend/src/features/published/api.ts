/** Videos that anyone may see: published ones, and those of share links. Their links are valid for five minutes. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, unwrap, type Schemas } from "@/lib/api/client";

export type PublicVideo = Schemas["PublicVideo"];
/** Links are renewed before they end, while the page is visible. */
const STALE_MS = 4 * 60_000;
const RENEWED = { staleTime: STALE_MS, refetchInterval: STALE_MS, refetchIntervalInBackground: false };

export function usePublished(limit: number) {
  return useInfiniteQuery({
    queryKey: ["published", "list", limit],
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/gallery", { params: { query: { limit, after: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Schemas["GalleryPage"]) => (page.has_more ? (page.last_id ?? undefined) : undefined),
    ...RENEWED,
  });
}

export type Source = { video_id: string } | { share_token: string; password?: string };

/** One video, with the data of the server's answer first. */
export function useVisible(source: Source, initial: PublicVideo) {
  return useQuery({
    queryKey: ["published", "one", source],
    queryFn: () => open(source),
    initialData: initial,
    ...RENEWED,
  });
}

export function open(source: Source): Promise<PublicVideo> {
  if ("video_id" in source) return unwrap(api.GET("/api/gallery/{video_id}", { params: { path: { video_id: source.video_id } } }));
  const params = { path: { token: source.share_token } };
  if (source.password === undefined) return unwrap(api.GET("/api/shared/{token}", { params }));
  return unwrap(api.POST("/api/shared/{token}", { params, body: { password: source.password } }));
}
