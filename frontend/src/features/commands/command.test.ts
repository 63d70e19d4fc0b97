import { expect, test } from "vitest";
import { matching, type Command } from "./command";

const commands = ["Galerie", "Réglages", "File d’attente", "Thème clair", "Thème sombre"].map(
  (label): Command => ({ id: label, label, icon: null, run: () => undefined }),
);
const labels = (query: string) => matching(commands, query).map(({ label }) => label);

test("an empty query shows all, in their order", () => {
  expect(labels(" ")).toEqual(commands.map(({ label }) => label));
});

test("accents and case do not matter, and every word must be found", () => {
  expect(labels("REGL")).toEqual(["Réglages"]);
  expect(labels("theme cl")).toEqual(["Thème clair"]);
  expect(labels("theme gal")).toEqual([]);
});

test("labels that begin with the query come first", () => {
  expect(labels("a")[0]).toBe("Galerie");
  expect(labels("th")).toEqual(["Thème clair", "Thème sombre"]);
});
