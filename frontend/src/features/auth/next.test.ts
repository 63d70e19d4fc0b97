import { expect, test } from "vitest";
import { safeNext } from "./next";

test("the way back leads to this site only", () => {
  expect(safeNext("/v/1?x=2")).toBe("/v/1?x=2");
  for (const foreign of [null, "", "https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]) {
    expect(safeNext(foreign)).toBe("/create");
  }
});
