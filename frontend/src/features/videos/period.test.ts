import { expect, test } from "vitest";
import { boundsOf, nameOfPeriod, periodOf, validDay } from "./period";

const TODAY = new Date(2026, 2, 1, 15);

test("the named periods end now", () => {
  expect(periodOf("today", TODAY)).toEqual({ from: "2026-03-01", to: "" });
  expect(periodOf("week", TODAY)).toEqual({ from: "2026-02-23", to: "" });
  expect(periodOf("month", TODAY)).toEqual({ from: "2026-01-31", to: "" });
  expect(periodOf("year", TODAY)).toEqual({ from: "2025-03-01", to: "" });
  expect(periodOf("any", TODAY)).toEqual({ from: "", to: "" });
});

test("a period has the name that it was chosen by, and its own days the day after", () => {
  for (const name of ["any", "today", "week", "month", "year"] as const) expect(nameOfPeriod(periodOf(name, TODAY), TODAY)).toBe(name);
  expect(nameOfPeriod(periodOf("week", TODAY), new Date(2026, 2, 2))).toBe("own");
  expect(nameOfPeriod({ from: "2026-03-01", to: "2026-03-01" }, TODAY)).toBe("own");
  expect(nameOfPeriod({ from: "", to: "2026-03-01" }, TODAY)).toBe("own");
});

test("the last day is part of the period, also where clocks change", () => {
  for (const day of ["2026-03-29", "2026-10-25", "2024-02-29"]) {
    const { created_after, created_before } = boundsOf({ from: day, to: day });
    const [year, month, date] = day.split("-").map(Number) as [number, number, number];
    expect(created_after).toBe(new Date(year, month - 1, date).toISOString());
    expect(created_before).toBe(new Date(year, month - 1, date + 1).toISOString());
  }
  expect(boundsOf({ from: "", to: "" })).toEqual({});
});

test("what is not a day is left out", () => {
  expect(["2026-02-29", "2026-13-01", "0002-01-01", "1.3.2026", "", "2026-1-1"].map(validDay)).toEqual(["", "", "", "", "", ""]);
  expect(validDay("2024-02-29")).toBe("2024-02-29");
  expect(boundsOf({ from: "x", to: "2026-02-30" })).toEqual({});
});
