import { expect, test } from "vitest";
import { differences, mustMove, placeOf } from "./sync";

test("a shorter video waits at its end", () => {
  expect(placeOf(0.5, 2)).toBe(0.5);
  expect(placeOf(3, 2)).toBeCloseTo(2, 2);
  expect(placeOf(3, Number.NaN)).toBe(0);
});

test("small differences are left alone", () => {
  expect(mustMove(1.05, 1, 2)).toBe(false);
  expect(mustMove(1.2, 1, 2)).toBe(true);
  expect(mustMove(1.999, 5, 2)).toBe(false);
});

test("only what differs between recipes is shown", () => {
  const recipes = [
    { seed: 1, model: "tiny", loop: false },
    { seed: 2, model: "tiny", style: "noir", loop: false },
  ];
  expect(differences(recipes)).toEqual([
    ["seed", ["1", "2"]],
    ["style", ["–", "noir"]],
  ]);
});
