import type { Model, Style } from "./api";

/** Prompts that the small model draws well; other models draw them too. */
export const SHAPE_EXAMPLES = [
  "a red circle moving right on a blue background",
  "a yellow star moving up on a black background",
  "a blue square bouncing on a white background",
  "a purple circle growing on a yellow background",
];
const MAX_EXAMPLES = 5;

/** Prompts that work with a model: of its few words, or of its styles. */
export function examplesOf(model: Model | undefined, styles: Style[]): string[] {
  if (!model || model.words) return SHAPE_EXAMPLES;
  const fitting = styles.filter((style) => style.models.includes(model.name)).map((style) => style.example);
  return fitting.length > 0 ? fitting.slice(0, MAX_EXAMPLES) : SHAPE_EXAMPLES;
}

/** The words of a prompt that a model with a limited vocabulary does not know. */
export function unknownWords(prompt: string, model: Model | undefined): string[] {
  if (!model?.words) return [];
  const known = new Set(Object.values(model.words).flatMap((words) => words.flatMap((word) => word.split(" "))));
  const words = prompt.toLowerCase().match(/\p{L}+/gu) ?? [];
  return [...new Set(words)].filter((word) => !known.has(word));
}
