import format from "icu-minify/format";
import { createTranslator } from "use-intl/core";
import { expect, test } from "vitest";
import { compileMessages } from "./compiled";
import { FORMATS } from "./formats";
import { LOCALES, negotiate } from "./locales";
import de from "./messages/de";
import en from "./messages/en";
import fr from "./messages/fr";

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ""): Record<string, string> {
  return Object.assign(
    {},
    ...Object.entries(tree).map(([key, value]) => (typeof value === "string" ? { [prefix + key]: value } : flat(value, `${prefix}${key}.`))),
  );
}

const languages = { en: flat(en), de: flat(de), fr: flat(fr) };

/** The names of the arguments. Every other level of braces is a branch of a plural or a choice. */
function argumentsOf(text: string): string[] {
  const names = new Set<string>();
  let depth = 0;
  for (const [index, character] of [...text].entries()) {
    if (character === "{") depth += 1;
    if (character === "{" && depth % 2 === 1) names.add(/^\w+/.exec([...text].slice(index + 1).join(""))?.[0] ?? "");
    if (character === "}") depth -= 1;
  }
  return [...names].sort();
}

test.each(LOCALES)("%s has every message, and no other", (locale) => {
  expect(Object.keys(languages[locale]).sort()).toEqual(Object.keys(languages.en).sort());
  expect(Object.entries(languages[locale]).filter(([, text]) => !text.trim())).toEqual([]);
});

test.each(LOCALES)("the messages of %s take the arguments of the English ones", (locale) => {
  const wrong = Object.keys(languages.en).filter(
    (key) => argumentsOf(languages[locale][key] ?? "").join() !== argumentsOf(languages.en[key] ?? "").join(),
  );
  expect(wrong).toEqual([]);
});

test.each(LOCALES)("every message of %s can be formatted", (locale) => {
  const messages = { en, de, fr }[locale];
  const errors: unknown[] = [];
  const t = createTranslator({ locale, messages, onError: (error) => errors.push(error) });
  const values = new Proxy({}, { get: (_, name) => (name === "date" ? new Date(0) : 2), has: () => true, ownKeys: () => [] });
  for (const key of Object.keys(languages.en)) {
    const names = argumentsOf(languages.en[key] ?? "");
    t(key as "common.save", Object.fromEntries(names.map((name) => [name, (values as Record<string, unknown>)[name]])) as never);
  }
  expect(errors).toEqual([]);
});

const VALUES = [1, 2, 21].map((number) => (name: string) => (name === "date" ? new Date(0) : name === "role" ? "admin" : number));
const FORMATTERS = {
  getNumberFormat: (...options: ConstructorParameters<typeof Intl.NumberFormat>) => new Intl.NumberFormat(...options),
  getDateTimeFormat: (...options: ConstructorParameters<typeof Intl.DateTimeFormat>) => new Intl.DateTimeFormat(...options),
  getPluralRules: (...options: ConstructorParameters<typeof Intl.PluralRules>) => new Intl.PluralRules(...options),
};

/** What the browser has: a message at a path, as the server compiled it. */
function compiledAt(tree: unknown, key: string): Parameters<typeof format>[0] {
  return key.split(".").reduce((at, part) => (at as Record<string, unknown>)[part], tree) as Parameters<typeof format>[0];
}

test.each(LOCALES)("the compiled messages of %s say the same as their sources", (locale) => {
  const messages = { en, de, fr }[locale];
  const compiled: unknown = compileMessages(messages);
  const t = createTranslator({ locale, messages, timeZone: "UTC" });
  const differing = Object.keys(languages[locale]).filter((key) =>
    VALUES.some((value) => {
      const values = Object.fromEntries(argumentsOf(languages[locale][key] ?? "").map((name) => [name, value(name)]));
      const shown = format(compiledAt(compiled, key), locale, values, { formatters: FORMATTERS, formats: FORMATS, timeZone: "UTC" });
      return shown !== t(key as "common.save", values as never);
    }),
  );
  expect(differing).toEqual([]);
});

test.each(["de", "fr"] as const)("no sentence of %s was left in English", (locale) => {
  const sentences = Object.entries(languages.en).filter(([, text]) => (text.replace(/\{[^}]*\}/g, "").match(/\p{L}+/gu)?.length ?? 0) > 3);
  const left = sentences.filter(([key, text]) => languages[locale][key] === text && key !== "composer.promptPlaceholder");
  expect(left).toEqual([]);
});

test("the language of a browser is negotiated", () => {
  expect(negotiate("fr-CH, fr;q=0.9, en;q=0.8")).toBe("fr");
  expect(negotiate("es, de-AT;q=0.5")).toBe("de");
  expect(negotiate("en;q=0.2, de;q=0.7")).toBe("de");
  expect(negotiate("ja")).toBe("en");
  expect(negotiate(null)).toBe("en");
});
