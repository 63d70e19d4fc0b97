import type { Moderated } from "@/features/moderation/api";
import type { Video } from "@/features/videos/api";

export const POSTER = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9"><rect width="16" height="9" fill="#1f4fe0"/><circle cx="8" cy="4.5" r="3" fill="#ffb030"/></svg>')}`;
/** The poster, moving. */
export const MOVING = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9"><rect width="16" height="9" fill="#1f4fe0"/><circle cx="8" cy="4.5" r="3" fill="#ffb030"><animate attributeName="r" values="2;4;2" dur="1s" repeatCount="indefinite"/></circle></svg>')}`;
const PROMPT = "an orange circle growing on a blue background";
const AT = "2026-01-02T03:04:05Z";

const media = { url: POSTER, content_type: "image/svg+xml", width: 640, height: 360, fps: 24, frames: 48, duration_seconds: 2, size_bytes: 400, expires_at: "2036-01-01T00:00:00Z" };
const visible: Video["moderation"] = { state: "visible", reason: null, statement: null, decided_at: null };

export function video(id: string, change: Partial<Video> = {}): Video {
  return {
    id,
    job_id: null,
    title: "",
    prompt: PROMPT,
    tags: ["loop", "warm colours"],
    favourite: false,
    visibility: "private",
    show_prompt: false,
    moderation: visible,
    // A picture that needs no file: the page has no gateway to load one from.
    format: "gif",
    created_at: AT,
    trashed_at: null,
    purge_at: null,
    finishable: true,
    finishable_until: "2026-01-09T03:04:05Z",
    finished_from: null,
    video: media,
    poster: media,
    preview: null,
    resolved: { seed: 7, model: "tiny", num_inference_steps: 20, guidance_scale: 3, scheduler: "ddim" },
    ...change,
  };
}

const decision = { reason: "Violence", statement: "The video was reported and examined.", decided_at: AT };
export const REJECTED = video("rejected", { moderation: { state: "rejected", ...decision }, video: null, poster: null, finishable: false, finishable_until: null });

export const TILES: Video[] = [
  video("plain"),
  video("loved", { favourite: true, visibility: "public", title: "Sunrise" }),
  video("hidden", { moderation: { state: "hidden", ...decision } }),
  REJECTED,
  video("trashed", { trashed_at: AT, purge_at: "2026-02-01T03:04:05Z" }),
  video("hostile", { title: `<img src=x onerror="alert(1)"> ${"a very long title without an end ".repeat(6)}` }),
];

export const COMPARED: Video[] = [
  video("first"),
  video("second", { title: "Twice the steps", resolved: { seed: 7, model: "tiny", num_inference_steps: 40, guidance_scale: 3, scheduler: "ddim" } }),
  { ...REJECTED, id: "missing" },
];

export const HIDDEN = video("page", { moderation: { state: "hidden", ...decision }, finished_from: "plain", purge_at: "2026-02-01T03:04:05Z", trashed_at: AT });

export const MODERATED: Moderated = {
  id: "moderated",
  owner: { id: "owner", email: "ada@example.org", name: "Ada", disabled_at: AT },
  title: "",
  prompt: PROMPT,
  tags: [],
  visibility: "public",
  format: "gif",
  created_at: AT,
  published_at: AT,
  trashed_at: null,
  moderation: visible,
  video: media,
  poster: media,
  preview: null,
  resolved: {},
  reports: [{ id: "report", video_id: "moderated", reason: "violence", details: "It shows a fight.", email: "eve@example.org", created_at: AT, state: "open", closed_at: null }],
  decisions: [{ id: "decision", moderator_id: null, automatic: true, action: "hide", reason: "Violence", statement: "Hidden until it is examined.", created_at: AT }],
};
