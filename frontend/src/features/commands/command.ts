import type { ReactNode } from "react";

export type Command = { id: string; label: string; icon: ReactNode; run: () => void };

const plain = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** The commands that have every word of the query somewhere, those that begin with it first. Accents do not matter. */
export function matching(commands: Command[], query: string): Command[] {
  const words = plain(query).split(/\s+/).filter(Boolean);
  const found = commands.filter(({ label }) => words.every((word) => plain(label).includes(word)));
  const begins = ({ label }: Command) => (plain(label).startsWith(words[0] ?? "") ? 0 : 1);
  return [...found].sort((a, b) => begins(a) - begins(b));
}
