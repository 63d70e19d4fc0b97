"use client";
import { JobAnnouncer } from "@/features/jobs/job-announcer";
import { useLiveJobs } from "@/features/jobs/use-live-jobs";

/** What runs while someone is signed in. Loaded then: visitors need none of it. */
export default function Live() {
  useLiveJobs(true);
  return <JobAnnouncer />;
}
