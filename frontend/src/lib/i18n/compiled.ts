/** Messages as the browser gets them: parsed by the server, so that no page loads a parser of the ICU syntax. */
import compile from "icu-minify/compile";
import type { Locale } from "./locales";
import { loadMessages, type Messages } from "./messages";

type Tree = { [key: string]: string | Tree };

const compiled = new Map<Locale, Messages>();

function compiledTree(tree: Tree): unknown {
  const entries = Object.entries(tree).map(([key, value]) => [key, typeof value === "string" ? compile(value) : compiledTree(value)]);
  return Object.fromEntries(entries);
}

/** For an IntlProvider whose formatter is `use-intl/format-message/format-only`: next.config.ts selects it. */
export function compileMessages(messages: Tree): Messages {
  // The branches of a plural have no prototype, and React sends only plain objects to the browser.
  return JSON.parse(JSON.stringify(compiledTree(messages))) as Messages;
}

/** The compiled messages of one language. Each language is compiled once per process. */
export async function loadCompiledMessages(locale: Locale): Promise<Messages> {
  const known = compiled.get(locale) ?? compileMessages(await loadMessages(locale));
  compiled.set(locale, known);
  return known;
}
