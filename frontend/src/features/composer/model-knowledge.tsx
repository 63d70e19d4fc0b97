"use client";
import { Chip } from "@/components/chip";
import type { Model } from "@/features/models/api";
import { unknownWords } from "@/features/models/examples";
import { useTranslations } from "@/lib/i18n";
import { useDraft } from "./draft";

const GROUPS = ["colours", "shapes", "sizes", "motions"] as const;

/** The vocabulary of a small model as chips that are added to the prompt, and a hint at words that it ignores. */
export function ModelKnowledge({ model }: { model: Model }) {
  const t = useTranslations("composer");
  const { prompt, setPrompt } = useDraft();
  const { words, phrases } = model;
  const unknown = unknownWords(prompt, model);
  const add = (phrase: string) => setPrompt(`${prompt.trimEnd()} ${phrase}`.trimStart());
  return (
    <div className="grid gap-2 text-s text-muted">
      <p>{t("knows", { model: model.title, what: model.knows })}</p>
      {unknown.length > 0 ? (
        <p className="text-warning">{t("unknownWords", { model: model.title, words: unknown.slice(0, 6).join(", ") })}</p>
      ) : null}
      {phrases ? (
        <details>
          <summary className="w-fit py-1 text-fg underline underline-offset-4">{t("words")}</summary>
          <dl className="mt-2 grid gap-3">
            {GROUPS.map((group) => (
              <div key={group} className="grid gap-1.5">
                <dt>{t(`wordGroups.${group}`)}</dt>
                <dd className="flex flex-wrap gap-1.5">
                  {phrases[group]?.map((phrase) => (
                    <Chip key={phrase} aria-label={t("addWord", { word: phrase })} onClick={() => add(phrase)}>
                      {phrase}
                    </Chip>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
          {words ? <AllWords words={words} /> : null}
        </details>
      ) : null}
    </div>
  );
}

/** The complete vocabulary in alphabetical order, with synonyms. */
function AllWords({ words }: { words: Record<string, string[]> }) {
  const t = useTranslations("composer");
  const all = [...new Set(Object.values(words).flat())].sort();
  return (
    <details className="mt-3">
      <summary className="w-fit py-1 underline underline-offset-4">{t("allWords", { count: all.length })}</summary>
      <p className="mt-1">{all.join(", ")}</p>
    </details>
  );
}
