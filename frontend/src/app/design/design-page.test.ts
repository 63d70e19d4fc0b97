import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const HERE = import.meta.dirname;
const SRC = path.resolve(HERE, "../..");
const sources = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".tsx") && !name.endsWith(".test.tsx"))
    .map((name) => readFileSync(path.join(folder, name), "utf8"));

const PAGE = sources(HERE).join("\n");
const shown = new Set([...PAGE.matchAll(/<([A-Z]\w+)/g)].map(([, name]) => name));
const specimens = new Set([...PAGE.matchAll(/<Specimen of="([^"]+)"/g)].map(([, name]) => name));

/** Not a part of the page itself: what the page does to make it work. The shell shows both on every page. */
const USED = { LiveRegion: "announce(", Toaster: "toast(", Modal: "<Dialog", CloseButton: "<Dialog" };
/** In every source: the parts of a component that has a specimen of its own. */
const FEATURES = [
  "AdvancedPanel",
  "AuraHero",
  "BulkBar",
  "CommandMenu",
  "CompareGrid",
  "Composer",
  "ConnectionBadge",
  "EditDialog",
  "EmptyQueue",
  "EndedCard",
  "Examined",
  "FinishDialog",
  "Gone",
  "JobCard",
  "LoadedVideo",
  "PublishDialog",
  "ReportDialog",
  "ShareDialog",
  "ShortcutHelp",
  "SignedInOnly",
  "VideoTile",
];

/** The components that a source exports. */
const exported = (source: string) => [...source.matchAll(/^export (?:default )?function ([A-Z]\w+)/gm)].map(([, name]) => name ?? "");
const COMPONENTS = sources(path.join(SRC, "components")).flatMap(exported);

test("every component of src/components is on the page", () => {
  expect(COMPONENTS.length).toBeGreaterThan(20);
  const missing = COMPONENTS.filter((name) => !shown.has(name) && !PAGE.includes(USED[name as keyof typeof USED] ?? `<${name}`));
  expect(missing).toEqual([]);
});

test("the exceptions are components that exist", () => {
  expect(Object.keys(USED).filter((name) => !COMPONENTS.includes(name))).toEqual([]);
});

test.each(FEATURES)("%s is on the page", (name) => {
  expect(shown).toContain(name);
});

test("a specimen has one name", () => {
  const named = [...PAGE.matchAll(/<Specimen of="([^"]+)"/g)];
  expect(named.length).toBe(specimens.size);
});
