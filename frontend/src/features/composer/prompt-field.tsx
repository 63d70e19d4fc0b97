"use client";
import { useRef, type KeyboardEvent } from "react";
import { LIMITS } from "@/lib/api/limits.gen";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { useDraft } from "./draft";
import { useFocusByAddress } from "./focus-prompt";

/** `onGenerate` is for a prompt outside of the form, which has its own shortcut. */
type Props = { error?: string | null; onGenerate?: () => void; large?: boolean };

/** The prompt: grows with its text, counts, and goes through earlier prompts with Alt and Up or Down. */
export function PromptField({ error, onGenerate, large }: Props) {
  const t = useTranslations("composer");
  const format = useFormatter();
  const { prompt, history, setPrompt } = useDraft();
  const field = useRef<HTMLTextAreaElement>(null);
  /** What was written before an earlier prompt replaced it. */
  const unsent = useRef<string | null>(null);
  useFocusByAddress(field);

  const onKeyDown = (event: KeyboardEvent) => {
    if (onGenerate && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onGenerate();
    }
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      const place = history.indexOf(prompt);
      if (event.key === "ArrowUp" && place < 0) unsent.current = prompt;
      const next = event.key === "ArrowUp" ? history[place + 1] : place > 0 ? history[place - 1] : place === 0 ? unsent.current : null;
      if (typeof next === "string") setPrompt(next);
    }
  };
  const limit = LIMITS.prompt.maxLength;
  return (
    <div className="grid gap-1">
      <label htmlFor="prompt" className="sr-only">
        {t("prompt")}
      </label>
      <textarea
        ref={field}
        id="prompt"
        value={prompt}
        rows={large ? 2 : 3}
        onChange={(event) => setPrompt(event.target.value)}
        onKeyDown={onKeyDown}
        placeholder={t("promptPlaceholder")}
        aria-describedby="prompt-note"
        aria-invalid={error ? true : undefined}
        className={cx(
          "field-sizing-content max-h-[40svh] w-full resize-none bg-transparent [overflow-wrap:anywhere] outline-none",
          large ? "min-h-16 text-l" : "min-h-[4.5rem] text-m",
        )}
      />
      <p id="prompt-note" className="flex justify-between gap-4 text-s text-muted">
        <span className="text-danger">{error}</span>
        <span className={cx("tabular", prompt.length > limit && "text-danger")}>
          <span className="sr-only">{t("counter", { used: prompt.length, limit })}</span>
          <span aria-hidden>
            {format.number(prompt.length)} / {format.number(limit)}
          </span>
        </span>
      </p>
    </div>
  );
}
