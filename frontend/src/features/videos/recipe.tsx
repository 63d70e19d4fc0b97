"use client";
import { useFormatter, useTranslations } from "@/lib/i18n";
import type { Video } from "./api";

const RESOLVED = { seed: "seed", model: "model", num_inference_steps: "steps", guidance_scale: "guidance", scheduler: "sampler" } as const;

/** What made the video: enough to make it again. */
export function Recipe({ video }: { video: Video }) {
  const t = useTranslations("videos");
  const format = useFormatter();
  const { video: media, resolved } = video;
  const shown = (value: unknown) => (typeof value === "string" || typeof value === "number" ? String(value) : null);
  const rows: [Parameters<typeof t>[0], string | null][] = [
    ["fields.size", media && `${media.width} × ${media.height}`],
    ["fields.fps", media && String(media.fps)],
    ["fields.frames", media && String(media.frames)],
    ["fields.format", video.format.toUpperCase()],
    ...Object.entries(RESOLVED).map(([name, key]) => [`fields.${key}`, shown(resolved[name])] as [Parameters<typeof t>[0], string | null]),
    ["fields.created", format.dateTime(new Date(video.created_at), { dateStyle: "medium", timeStyle: "short" })],
  ];
  return (
    <div className="border-t border-border pt-5">
      <h2 className="mb-3 font-medium">{t("details")}</h2>
      <dl className="grid gap-2 text-s">
        {rows
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name} className="flex justify-between gap-4">
              <dt className="text-muted">{t(name)}</dt>
              <dd className="tabular text-right [overflow-wrap:anywhere]">{value}</dd>
            </div>
          ))}
      </dl>
    </div>
  );
}
