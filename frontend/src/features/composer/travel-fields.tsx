"use client";
import { Plus, X } from "lucide-react";
import { Button, IconButton } from "@/components/button";
import { TextField } from "@/components/field";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import { useDraft } from "./draft";
import { NumberField } from "./number-field";

/** `{"2.5s": "…"}` as rows of seconds and prompts. */
export function TravelFields({ off }: { off: string | null }) {
  const t = useTranslations("composer");
  const { settings, set } = useDraft();
  const rows = Object.entries(settings.prompt_travel ?? {}).map(([moment, prompt]) => ({ seconds: secondsOf(moment, settings.fps), prompt }));
  const write = (next: typeof rows) => set("prompt_travel", Object.fromEntries(next.map((row) => [`${row.seconds}s`, row.prompt])));
  const change = (index: number, row: Partial<(typeof rows)[number]>) => write(rows.map((old, at) => (at === index ? { ...old, ...row } : old)));
  const next = Math.min(settings.duration_seconds - 0.5, (rows.at(-1)?.seconds ?? 0) + 1);
  return (
    <fieldset disabled={Boolean(off)} className="grid gap-2">
      <legend className={off ? "mb-1 text-s font-medium text-muted" : "mb-1 text-s font-medium"}>{t("prompt_travel")}</legend>
      <p className="text-s text-muted">{off ?? t("travelHelp")}</p>
      {off
        ? null
        : rows.map((row, index) => (
            <div key={index} className="grid grid-cols-[6rem_minmax(0,1fr)_auto] items-end gap-2">
              <NumberField
                label={t("travelAt")}
                minimum={0.1}
                maximum={settings.duration_seconds - 0.1}
                step={0.1}
                value={row.seconds}
                onChange={(seconds) => seconds !== null && change(index, { seconds })}
              />
              <TextField
                label={t("travelPrompt")}
                maxLength={LIMITS.prompt.maxLength}
                value={row.prompt}
                onChange={(event) => change(index, { prompt: event.target.value })}
              />
              <IconButton name={t("travelRemove")} onClick={() => write(rows.filter((_, at) => at !== index))}>
                <X aria-hidden />
              </IconButton>
            </div>
          ))}
      {off || rows.length >= LIMITS.prompt_travel.maxProperties ? null : (
        <Button size="s" className="justify-self-start" icon={<Plus aria-hidden className="size-4" />} onClick={() => write([...rows, { seconds: next, prompt: "" }])}>
          {t("travelAdd")}
        </Button>
      )}
    </fieldset>
  );
}

/** A moment is a time ("2.5s") or a frame ("12"). */
function secondsOf(moment: string, fps: number): number {
  return moment.endsWith("s") ? Number(moment.slice(0, -1)) : Math.round((Number(moment) / fps) * 1000) / 1000;
}
