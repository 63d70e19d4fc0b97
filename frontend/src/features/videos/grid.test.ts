import { expect, test } from "vitest";
import { GAP, gridOf, moved } from "./grid";

test.each([320, 390, 768, 1440, 2560])("the tiles fill %i pixels", (width) => {
  const { columns, tile } = gridOf(width);
  expect(columns).toBeGreaterThanOrEqual(2);
  expect(columns * tile + (columns - 1) * GAP).toBeCloseTo(width);
});

test("phones have two columns, desktops five or more", () => {
  expect(gridOf(358).columns).toBe(2);
  expect(gridOf(1392).columns).toBeGreaterThanOrEqual(5);
});

test("arrows move by one and by a row, and stay inside", () => {
  expect(moved("ArrowRight", 0, 5, 12)).toBe(1);
  expect(moved("ArrowDown", 1, 5, 12)).toBe(6);
  expect(moved("ArrowUp", 1, 5, 12)).toBeNull();
  expect(moved("ArrowDown", 10, 5, 12)).toBeNull();
  expect(moved("Home", 7, 5, 12)).toBe(0);
  expect(moved("End", 7, 5, 12)).toBe(11);
  expect(moved("Enter", 7, 5, 12)).toBeNull();
});
