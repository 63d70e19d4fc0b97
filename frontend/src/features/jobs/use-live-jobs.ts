"use client";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { session } from "@/lib/api/session";
import { fetchJobs, resultQuery } from "./api";
import { hasNewVideo, isOpen } from "./job";
import { LiveConnection } from "./live-connection";
import { readJobEvents } from "./server-events";
import { jobStore, useJobStore } from "./store";

/** The key of the gallery's lists, of which a finished job renews the first page. */
const VIDEO_LISTS = ["videos", "list"];

function openSocket(): WebSocket {
  const url = new URL("/api/ws", location.origin);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(url);
}

function openJobIds(): string[] {
  return [...useJobStore.getState().jobs.values()].filter((job) => isOpen(job) && !job.sending).map((job) => job.job_id);
}

/** Keeps the store current while someone is signed in. Used once, by the shell. */
export function useLiveJobs(signedIn: boolean): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!signedIn) return;
    const connection = new LiveConnection({
      token: (stale) => session.token(stale),
      openSocket,
      fetchJobs,
      openJobIds,
      readEvents: readJobEvents,
      onMessage: (message) => {
        jobStore.receive(message);
        if (message.type === "job.output") queries.setQueryData(resultQuery(message.job_id).queryKey, message.data as never);
      },
      onTransport: jobStore.setTransport,
    });
    const onVisible = () => document.visibilityState === "visible" && connection.retryNow();
    const onOffline = () => {
      jobStore.setTransport("offline");
      connection.interrupt();
    };
    // However the news arrived. The jobs of the first snapshot are no news.
    const unsubscribe = useJobStore.subscribe((state, old) => {
      if (old.loaded && hasNewVideo(old.jobs, state.jobs)) void queries.invalidateQueries({ queryKey: VIDEO_LISTS });
    });
    connection.start();
    addEventListener("online", connection.retryNow);
    addEventListener("offline", onOffline);
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      connection.stop();
      unsubscribe();
      removeEventListener("online", connection.retryNow);
      removeEventListener("offline", onOffline);
      document.removeEventListener("visibilitychange", onVisible);
      jobStore.reset();
    };
  }, [signedIn, queries]);
}
