"use client";
import { useId, type KeyboardEvent } from "react";
import { Minus, Plus, RotateCcw } from "lucide-react";
import { Button, IconButton } from "@/components/button";
import { Segmented } from "@/components/segmented";
import { Skeleton } from "@/components/states";
import { useSession } from "@/features/auth/use-session";
import { useDuration, rounded } from "@/features/jobs/duration";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { AdvancedPanel } from "./advanced-panel";
import { ExampleChips } from "./example-chips";
import { ModelKnowledge } from "./model-knowledge";
import { PromptField } from "./prompt-field";
import { PromptPreview } from "./prompt-preview";
import { QuickRow } from "./quick-row";
import { changed, framesOf, problemOf, type SettingName, type Settings } from "./settings";
import { VARIATIONS, useComposer } from "./use-composer";
import { useEstimate } from "./use-estimate";
import { useFieldLabel } from "./use-field-label";
import { useProblemText } from "./use-problem-text";

/** The form of a new video. It stays in view, keeps what was written, and keeps its values in both modes. */
export function Composer({ onGenerated }: { onGenerated?: () => void }) {
  const t = useTranslations("composer");
  const headingId = useId();
  const { draft, models, model, styles, settings, problem, generate: submit } = useComposer();
  const session = useSession();
  const problemText = useProblemText();
  const generate = () => {
    if (submit()) onGenerated?.();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.nativeEvent.isComposing) return;
    event.preventDefault();
    generate();
  };
  const text = problem ? problemText(problem, model) : null;
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- a shortcut of the fields inside
    <section onKeyDown={onKeyDown} aria-labelledby={headingId} className="grid gap-5 rounded-l border border-border bg-surface p-4 sm:p-5">
      <div className="flex items-center justify-between gap-4">
        <h1 id={headingId} className="text-l font-semibold">
          {t("title")}
        </h1>
        <div className="w-48">
          <Segmented
            label={t("mode")}
            hideLabel
            value={draft.mode}
            onChange={draft.setMode}
            options={[
              { value: "simple", label: t("simple") },
              { value: "advanced", label: t("advanced") },
            ]}
          />
        </div>
      </div>
      <div className="rounded-s border border-input bg-bg p-3 focus-within:border-ring focus-within:outline-2 focus-within:-outline-offset-1 focus-within:outline-ring">
        <PromptField error={problem?.field === "prompt" ? text : null} />
      </div>
      {draft.prompt ? null : <ExampleChips model={model} styles={styles} />}
      {model ? <ModelKnowledge model={model} /> : models.isPending && (session === "unknown" || session === "signed-in") ? <Skeleton className="h-5 w-3/4" /> : null}
      {models.isError ? <ModelsFailed onRetry={() => void models.refetch()} /> : null}
      <PromptPreview settings={settings} />
      <QuickRow settings={settings} model={model} />
      {draft.mode === "advanced" ? (
        <AdvancedPanel models={models.data ?? []} model={model} styles={styles} problem={problem} />
      ) : (
        <SetElsewhere settings={settings} onReset={draft.reset} />
      )}
      <Submit onGenerate={generate} error={problem && problem.field !== "prompt" ? text : null} />
    </section>
  );
}

function ModelsFailed({ onRetry }: { onRetry: () => void }) {
  const t = useTranslations("composer");
  const common = useTranslations("common");
  return (
    <div role="alert" className="flex items-center justify-between gap-3 text-s text-danger">
      {t("modelsFailed")}
      <Button size="s" onClick={onRetry}>
        {common("retry")}
      </Button>
    </div>
  );
}

const SIMPLE: SettingName[] = ["width", "height", "duration_seconds", "num_inference_steps"];

/** The advanced settings that apply in the simple form too: nothing works unseen. */
function SetElsewhere({ settings, onReset }: { settings: Settings; onReset: () => void }) {
  const t = useTranslations("composer");
  const label = useFieldLabel();
  const names = (Object.keys(changed(settings)) as SettingName[]).filter((name) => !SIMPLE.includes(name));
  if (names.length === 0) return null;
  return (
    <div className="flex items-center justify-between gap-3 rounded-s bg-raised py-1 pr-1 pl-3 text-s text-muted">
      <span className="truncate">{names.map(label).join(" · ")}</span>
      <IconButton name={t("reset")} size="s" onClick={onReset}>
        <RotateCcw aria-hidden />
      </IconButton>
    </div>
  );
}

function Submit({ onGenerate, error }: { onGenerate: () => void; error: string | null }) {
  const t = useTranslations("composer");
  const { draft, model, settings } = useComposer();
  const duration = useDuration();
  const seconds = useEstimate(settings, problemOf("any", settings, model) === null);
  const { variations } = draft;
  return (
    <div className="sticky bottom-14 z-10 -mx-4 -mb-4 grid gap-3 rounded-b-l border-t border-border bg-surface p-4 sm:-mx-5 sm:-mb-5 sm:px-5 lg:bottom-0">
      {error ? (
        <p role="alert" className="text-s text-danger">
          {error}
        </p>
      ) : null}
      <div className="flex items-center gap-3">
        <Stepper value={variations} onChange={draft.setVariations} />
        <Button kind="primary" size="l" wide onClick={onGenerate} title={t("shortcut")}>
          {variations === 1 ? t("generate") : t("generateMany", { count: variations })}
        </Button>
      </div>
      <p className={cx("tabular flex flex-wrap justify-between gap-x-4 text-s text-muted")}>
        <span>{seconds === null ? t("estimateUnknown") : t("estimate", { time: duration(rounded(seconds * variations)) })}</span>
        <span>{t("frames", { frames: framesOf(settings), width: String(settings.width), height: String(settings.height) })}</span>
      </p>
    </div>
  );
}

function Stepper({ value, onChange }: { value: number; onChange: (value: number) => void }) {
  const t = useTranslations("composer");
  return (
    <div role="group" aria-label={t("variations")} title={t("variationsHelp")} className="flex h-12 shrink-0 items-center rounded-s bg-raised">
      <IconButton name={`${t("variations")} −`} disabled={value === VARIATIONS[0]} onClick={() => onChange(value - 1)}>
        <Minus aria-hidden />
      </IconButton>
      <output className="tabular w-5 text-center">{value}</output>
      <IconButton name={`${t("variations")} +`} disabled={value === VARIATIONS.at(-1)} onClick={() => onChange(value + 1)}>
        <Plus aria-hidden />
      </IconButton>
    </div>
  );
}
