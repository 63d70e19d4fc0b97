"use client";
import { Chip } from "@/components/chip";
import { SHAPE_EXAMPLES, examplesOf } from "@/features/models/examples";
import type { Model, Style } from "@/features/models/api";
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
