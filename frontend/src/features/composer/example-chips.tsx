"use client";
import { Chip } from "@/components/chip";
import { SHAPE_EXAMPLES, examplesOf, unknownWords } from "@/features/models/examples";
import type { Model, Style } from "@/features/models/api";
import { useTranslations } from "@/lib/i18n";
import { useDraft } from "./draft";

/** Prompts that work, to start from. */
export function ExampleChips({ model, styles }: { model?: Model; styles: Style[] }) {
  const setPrompt = useDraft((draft) => draft.setPrompt);
  const examples = model ? examplesOf(model, styles) : SHAPE_EXAMPLES;
  return (
    <ul className="flex flex-wrap gap-2">
      {examples.map((example) => (
        <li key={example}>
          <Chip onClick={() => setPrompt(example)}>{example}</Chip>
        </li>
      ))}
    </ul>
  );
}

const GROUPS = ["colours", "shapes", "sizes", "motions"] as const;

/** What the model knows: its few words as chips that are added to the prompt, and a hint at words that it ignores. */
export function ModelKnowledge({ model }: { model: Model }) {
  const t = useTranslations("composer");
  const { prompt, setPrompt } = useDraft();
  const { words } = model;
  const unknown = unknownWords(prompt, model);
  const add = (word: string) => setPrompt(`${prompt.trimEnd()} ${word}`.trimStart());
  return (
    <div className="grid gap-2 text-s text-muted">
      <p>{t("knows", { model: model.title, what: model.knows })}</p>
      {unknown.length > 0 ? (
        <p className="text-warning">{t("unknownWords", { model: model.title, words: unknown.slice(0, 6).join(", ") })}</p>
      ) : null}
      {words ? (
        <details>
          <summary className="w-fit py-1 text-fg underline underline-offset-4">{t("words")}</summary>
          <div className="mt-2 grid gap-3">
            {GROUPS.map((group) => (
              <div key={group} className="grid gap-1.5">
                <p>{t(`wordGroups.${group}`)}</p>
                <ul className="flex flex-wrap gap-1.5">
                  {(words[group] ?? []).map((word) => (
                    <li key={word}>
                      <Chip aria-label={t("addWord", { word })} onClick={() => add(word)}>
                        {word}
                      </Chip>
                    </li>
                  ))}
                </ul>
              </div>
            ))}
          </div>
        </details>
      ) : null}
    </div>
  );
}
