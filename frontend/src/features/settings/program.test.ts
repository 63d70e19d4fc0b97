import { expect, test } from "vitest";
import { programOf } from "./program";

test("browsers by their name and system, other programs as they are", () => {
  expect(programOf("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox · Linux");
  expect(programOf("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604")).toBe("Safari · iOS");
  expect(programOf("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/150.0 Safari/537 Edg/150.0")).toBe("Edge · Windows");
  expect(programOf("python-httpx/0.28")).toBe("python-httpx/0.28");
});
