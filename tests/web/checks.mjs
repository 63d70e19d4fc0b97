// The checks of the other journeys find what they look for: each defect is put into a page that has none.
import { assert, launch, openPage } from "./browser.mjs";
import { MAX_INTERACTION_MS, injected, interactions, observe, problemsOf } from "./measures.mjs";

const browser = await launch();

const DEFECTS = {
  "image-alt": () => document.querySelector("main").append(new Image()),
  "color-contrast": () => (document.querySelector("h1").style.color = "#333"),
  "layout shift": () => document.querySelector("main").prepend(Object.assign(document.createElement("div"), { style: "height: 300px" })),
  "wider than the screen": () => document.querySelector("main").append(Object.assign(document.createElement("div"), { style: "width: 3000px; height: 1px" })),
  "token in localStorage": () => localStorage.setItem("access", "eyJhbGciOiJIUzI1NiJ9"),
  "token in sessionStorage": () => sessionStorage.setItem("access", "eyJhbGciOiJIUzI1NiJ9"),
  "token in cookie": () => (document.cookie = "refresh_token=1"),
  "database of this page": () => new Promise((resolve) => (indexedDB.open("tokens").onsuccess = resolve)),
  "Content Security Policy": () => document.querySelector("main").insertAdjacentHTML("beforeend", '<img alt="" src="data:," onerror="1">'),
  "console: ": () => console.error("broken"),
};

for (const [name, breakIt] of Object.entries(DEFECTS)) {
  const page = await openPage(browser);
  await observe(page);
  await page.goto(`${process.env.AURA_WEB}/login`);
  await page.waitForTimeout(700);
  const before = await problemsOf(page);
  assert(before.length === 0, `without a defect: ${before}`);
  await page.evaluate(breakIt);
  await page.waitForTimeout(200);
  const found = await problemsOf(page);
  assert(found.some((problem) => problem.includes(name)), `${name} is not found: ${found}`);
  await page.context().close();
}

const page = await openPage(browser, { bypassCSP: true });
await observe(page);
await page.goto(`${process.env.AURA_WEB}/login`);
// After React has taken over the page: it would put the heading back.
await page.waitForTimeout(700);
assert((await injected(page)).length === 0, "nothing is injected");
await page.evaluate(() => (document.querySelector("h1").innerHTML = '<img src=x onerror="globalThis.hacked = 1">'));
await page.waitForFunction(() => globalThis.hacked);
assert((await injected(page)).length === 2, "the element and its script are found");

await page.evaluate((ms) => {
  document.querySelector("main").addEventListener("click", () => {
    for (const until = performance.now() + ms; performance.now() < until; );
  });
}, MAX_INTERACTION_MS + 50);
await page.getByRole("textbox", { name: "Email" }).click();
await page.waitForTimeout(500);
const slow = await interactions(page);
assert(slow.count >= 1 && slow.ms > MAX_INTERACTION_MS, `a slow click is measured: ${JSON.stringify(slow)}`);
await browser.close();
