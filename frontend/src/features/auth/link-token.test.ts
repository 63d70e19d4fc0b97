// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";

const PATH = "/change-email";

/** The module as a page that was just loaded has it: without what an earlier page has read. */
async function freshPage(address: string) {
  history.replaceState(null, "", address);
  vi.resetModules();
  return (await import("./link-token")).linkToken;
}

afterEach(() => {
  sessionStorage.clear();
  vi.restoreAllMocks();
});

test.each([`${PATH}#token=abc`, `${PATH}?token=abc`])("%s: the token leaves the address, and is not in localStorage", async (address) => {
  const page = await freshPage(address);
  expect(page.read(PATH)).toBe("abc");
  page.keep(PATH);
  page.hide(PATH);
  expect(location.href).not.toContain("abc");
  expect(page.read(PATH)).toBe("abc");
  expect(JSON.stringify(localStorage)).not.toContain("abc");
});

test("the token survives the log-in and a reload, for its own page only", async () => {
  (await freshPage(`${PATH}#token=abc`)).keep(PATH);
  await freshPage("/login?next=%2Fchange-email");
  const again = await freshPage(PATH);
  expect(again.read(PATH)).toBe("abc");
  expect(again.read("/verify-email")).toBeNull();
});

test("the address of another page stays as it is", async () => {
  const page = await freshPage("/login?token=of-another-page");
  page.hide(PATH);
  expect(location.search).toBe("?token=of-another-page");
});

test("a newer link replaces the token", async () => {
  (await freshPage(`${PATH}#token=old`)).keep(PATH);
  (await freshPage(`${PATH}#token=new`)).keep(PATH);
  expect((await freshPage(PATH)).read(PATH)).toBe("new");
});

test("a used token stays with the page that shows the result, and is gone for the next one", async () => {
  const page = await freshPage(`${PATH}#token=abc`);
  page.keep(PATH);
  page.forget(PATH);
  expect(page.read(PATH)).toBe("abc");
  expect((await freshPage(PATH)).read(PATH)).toBeNull();
});

test("without storage the token lives as long as the page", async () => {
  const page = await freshPage(`${PATH}#token=abc`);
  const blocked = () => {
    throw new DOMException("blocked", "SecurityError");
  };
  vi.spyOn(Storage.prototype, "getItem").mockImplementation(blocked);
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(blocked);
  page.keep(PATH);
  expect(page.read(PATH)).toBe("abc");
});
