/** The request that reports a video to the moderators. */
import { api, unwrap, type Schemas } from "@/lib/api/client";

export type Reason = Schemas["ReportRequest"]["reason"];
export const REASONS = ["minors", "ncii", "violence", "hate", "copyright", "spam", "other"] as const satisfies Reason[];
/** Reports with these reasons hide a video at once. */
export const URGENT: readonly Reason[] = ["minors", "ncii"];

/** A video of the public gallery, or the one of a share link. */
export type Reported = { video_id: string } | { share_token: string };

export const report = (body: Schemas["ReportRequest"]) => unwrap(api.POST("/api/reports", { body }));
