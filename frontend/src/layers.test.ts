import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const SRC = path.resolve(import.meta.dirname);
const FILES = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name) && !/\.(test|gen)\./.test(name));
const IMPORT = /(?:from|import)\s+"@\/features\/([a-z-]+)/g;

/** feature -> the features that it imports. */
function featureImports(): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const file of FILES.filter((name) => name.startsWith("features/"))) {
    const feature = file.split("/")[1] ?? "";
    const imported = [...readFileSync(path.join(SRC, file), "utf8").matchAll(IMPORT)].map((match) => match[1] ?? "");
    graph.set(feature, new Set([...(graph.get(feature) ?? []), ...imported.filter((name) => name !== feature)]));
  }
  return graph;
}

function circle(graph: Map<string, Set<string>>, from: string, way: string[] = []): string[] | null {
  if (way.includes(from)) return [...way, from];
  for (const next of graph.get(from) ?? []) {
    const found = circle(graph, next, [...way, from]);
    if (found) return found;
  }
  return null;
}

test("features import each other without a circle", () => {
  const graph = featureImports();
  expect([...graph.keys()].map((feature) => circle(graph, feature)).filter(Boolean)).toEqual([]);
});

test("files stay under 300 lines", () => {
  const long = FILES.filter((name) => readFileSync(path.join(SRC, name), "utf8").split("\n").length > 300);
  expect(long).toEqual([]);
});

test("only tokens.css and the shader name colours", () => {
  const allowed = /app\/(layout\.tsx|design\/)|aura-shader/;
  const naming = FILES.filter((name) => !allowed.test(name) && /#[0-9a-f]{6}\b/i.test(readFileSync(path.join(SRC, name), "utf8")));
  expect(naming).toEqual([]);
});
