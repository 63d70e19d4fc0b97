"use client";
import { Plus, X } from "lucide-react";
import { Button, IconButton } from "@/components/button";
import { TextField } from "@/components/field";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import { useDraft } from "./draft";
import { NumberField } from "./number-field";
import { momentAt, nextMoment, secondsOf, type PromptChange, type TravelProblem } from "./travel";

type Props = { off: string | null; problem: TravelProblem | null; error: string | null };

/** The prompt changes as rows of seconds and prompts. */
export function TravelFields({ off, problem, error }: Props) {
  const t = useTranslations("composer");
  const { settings, set } = useDraft();
  const { prompt_travel: rows, fps, duration_seconds } = settings;
  const write = (next: PromptChange[]) => set("prompt_travel", next);
  const change = (index: number, row: Partial<PromptChange>) => write(rows.map((old, at) => (at === index ? { ...old, ...row } : old)));
  const errorOf = (index: number, ofPrompt: boolean) => (problem?.row === index && (problem.key === "travelEmpty") === ofPrompt ? error : null);
  return (
    <fieldset disabled={Boolean(off)} className="grid gap-2">
      <legend className={off ? "mb-1 text-s font-medium text-muted" : "mb-1 text-s font-medium"}>{t("prompt_travel")}</legend>
      <p className="text-s text-muted">{off ?? t("travelHelp")}</p>
      {off
        ? null
        : rows.map((row, index) => (
            <div key={index} className="grid grid-cols-[6rem_minmax(0,1fr)_auto] items-start gap-2">
              <NumberField
                label={t("travelAt")}
                minimum={0}
                maximum={duration_seconds - 0.1}
                step={0.1}
                value={secondsOf(row.at, fps)}
                error={errorOf(index, false)}
                onChange={(seconds) => seconds !== null && change(index, { at: momentAt(seconds) })}
              />
              <TextField
                label={t("travelPrompt")}
                maxLength={LIMITS.prompt.maxLength}
                value={row.prompt}
                error={errorOf(index, true)}
                onChange={(event) => change(index, { prompt: event.target.value })}
              />
              <IconButton name={t("travelRemove")} className="mt-[1.625rem]" onClick={() => write(rows.filter((_, at) => at !== index))}>
                <X aria-hidden />
              </IconButton>
            </div>
          ))}
      {off || rows.length >= LIMITS.prompt_travel.maxProperties ? null : (
        <Button
          size="s"
          className="justify-self-start"
          icon={<Plus aria-hidden className="size-4" />}
          onClick={() => write([...rows, { at: nextMoment(rows, settings), prompt: "" }])}
        >
          {t("travelAdd")}
        </Button>
      )}
    </fieldset>
  );
}
