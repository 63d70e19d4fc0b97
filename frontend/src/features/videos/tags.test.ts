import { expect, test } from "vitest";
import { tagsOf } from "./tags";

test("tags are separated by commas, each once, in lower case", () => {
  expect(tagsOf(" #Loop, red circle,, loop ,")).toEqual(["loop", "red circle"]);
  expect(tagsOf("  ")).toEqual([]);
});
