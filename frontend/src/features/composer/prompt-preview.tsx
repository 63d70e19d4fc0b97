"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { WandSparkles } from "lucide-react";
import { Button } from "@/components/button";
import { Skeleton, useErrorText } from "@/components/states";
import { Switch } from "@/components/switch";
import { useSession } from "@/features/auth/use-session";
import { api, unwrap, type Schemas } from "@/lib/api/client";
import { LIMITS } from "@/lib/api/limits.gen";
import { useTranslations } from "@/lib/i18n";
import { useDraft } from "./draft";
import type { Settings } from "./settings";
import { useSettled } from "./use-settled";

const SETTLE_MS = 300;
type Body = Schemas["PromptPreviewRequest"];

/** What decides the prompts of the model. Without style and help, what the help would do is shown. */
export function previewOf(prompt: string, settings: Settings): Body {
  const { negative_prompt, model, style, enhance_prompt } = settings;
  return { prompt: prompt.trim(), negative_prompt, model: model || null, style: style ?? null, enhance_prompt: enhance_prompt || !style };
}

/** A switch that shows what style and prompt help add, before anything is submitted. The gateway has the rules. */
export function PromptPreview({ settings }: { settings: Settings }) {
  const t = useTranslations("composer");
  const errors = useTranslations("errors");
  const signedIn = useSession() === "signed-in";
  const { prompt, preview, setPreview } = useDraft();
  const written = prompt.trim() && prompt.length <= LIMITS.prompt.maxLength;
  const missing = signedIn ? t("errors.prompt") : errors("signInTitle");
  return (
    <div className="grid gap-3">
      <Switch label={t("preview")} help={t("previewHelp")} checked={preview} onChange={setPreview} />
      {preview ? signedIn && written ? <Result settings={settings} /> : <p className="text-s text-muted">{missing}</p> : null}
    </div>
  );
}

function Result({ settings }: { settings: Settings }) {
  const t = useTranslations("composer");
  const errorText = useErrorText();
  const { prompt, set } = useDraft();
  const text = useSettled(JSON.stringify(previewOf(prompt, settings)), SETTLE_MS);
  const result = useQuery({
    queryKey: ["styles", "preview", text],
    queryFn: () => unwrap(api.POST("/api/styles/preview", { body: JSON.parse(text) as Body })),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 60_000,
  });
  if (result.isError) return <p className="text-s text-danger">{errorText(result.error)}</p>;
  if (!result.data) return <Skeleton className="h-16" />;
  const { prompt_parts, negative_prompt_parts } = result.data;
  const used = settings.enhance_prompt || Boolean(settings.style);
  const adds = [...prompt_parts, ...negative_prompt_parts].some(({ added }) => added);
  return (
    <div className="grid gap-3 rounded-s bg-raised p-3 text-s" aria-busy={result.isPlaceholderData}>
      <dl className="grid gap-3">
        <Parts title={t(used ? "previewPrompt" : "previewWould")} parts={prompt_parts} />
        {negative_prompt_parts.length > 0 ? <Parts title={t("previewNegative")} parts={negative_prompt_parts} /> : null}
      </dl>
      {adds ? null : <p className="text-muted">{t("previewSame")}</p>}
      {settings.enhance_prompt ? null : (
        <Button size="s" className="justify-self-start border border-border" icon={<WandSparkles aria-hidden className="size-4" />} onClick={() => set("enhance_prompt", true)}>
          {t("previewUse")}
        </Button>
      )}
    </div>
  );
}

/** A prompt; what was added is inserted text, which is underlined too, as colour alone would not do. */
function Parts({ title, parts }: { title: string; parts: Schemas["PromptPart"][] }) {
  return (
    <div className="grid gap-1">
      <dt className="text-muted">{title}</dt>
      <dd className="[overflow-wrap:anywhere]">
        {parts.map(({ text, added }, index) =>
          added ? (
            <ins key={index} className="text-success decoration-success/50 underline-offset-4">
              {text}
            </ins>
          ) : (
            text
          ),
        )}
      </dd>
    </div>
  );
}
