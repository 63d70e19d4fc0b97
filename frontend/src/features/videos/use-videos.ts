"use client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "@/lib/api/client";
import { listKey } from "./api";
import { requestOf, type Filters } from "./filters";
import { expiring, withPage, type Listed } from "./listed";

export const PAGE = 24;
/** The same page is not read twice in a row: the list may be drawn again before the page is in it. */
const SAME_PAGE_MS = 1000;

function readPage(filters: Filters, after: string | null) {
  const query = { limit: PAGE, ...(after !== null && { after }), ...requestOf(filters) };
  return unwrap(api.GET("/api/videos", { params: { query } }));
}

/**
 * The videos that fulfil the filters, as far as they were scrolled to. Reading the list again (a job has finished, the
 * window has the focus again) is one request for its first page, however many videos are loaded.
 */
export function useVideos(filters: Filters) {
  const queries = useQueryClient();
  const key = listKey(filters);
  const list = useQuery({
    queryKey: key,
    queryFn: async () => {
      const page = await readPage(filters, null);
      return withPage(queries.getQueryData<Listed>(key), page);
    },
    refetchOnMount: "always",
  });
  const [failed, setFailed] = useState<{ filters: Filters; after: string; error: unknown } | null>(null);

  /** Reads the page after a video. */
  const load = async (after: string) => {
    const options = { queryKey: ["videos", "page", filters, after], queryFn: () => readPage(filters, after), staleTime: SAME_PAGE_MS, gcTime: SAME_PAGE_MS };
    try {
      const page = await queries.fetchQuery(options);
      const updatedAt = queries.getQueryState(key)?.dataUpdatedAt;
      queries.setQueryData<Listed>(key, (old) => withPage(old, page, after), { updatedAt });
      setFailed(null);
    } catch (error) {
      setFailed({ filters, after, error });
    }
  };
  const failure = failed?.filters === filters ? failed : null;
  const { data } = list;
  const last = data?.hasMore && !failure ? data.videos.at(-1)?.id : undefined;
  return {
    list: data,
    isPending: list.isPending,
    error: list.error ?? failure?.error ?? null,
    retry: () => void (failure && !list.isError ? load(failure.after) : list.refetch()),
    more: () => {
      if (last !== undefined) void load(last);
    },
    /** Renews the links of what is in view, before they expire. */
    renew: (first: number, end: number) => {
      const place = data && expiring(data, first, end);
      if (place?.after === null) void list.refetch({ cancelRefetch: false });
      else if (place) void load(place.after);
    },
  };
}
