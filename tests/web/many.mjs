// A gallery of a thousand videos: only what is near the view is rendered and loaded.
import { assert, launch, logIn, openPage } from "./browser.mjs";

const COUNT = Number(process.env.AURA_VIDEOS);
// Five rows of six tiles in view, and the rows around them.
const MAX_TILES = 60;
const browser = await launch();
const page = await openPage(browser);
const loaded = { poster: 0, preview: 0, video: 0, pages: 0 };
page.on("request", (request) => {
  const kind = /\/(poster|preview|video)\.\w+\?/.exec(request.url())?.[1];
  if (kind) loaded[kind] += 1;
  if (/\/api\/videos\?/.test(request.url())) loaded.pages += 1;
});
await logIn(page, JSON.parse(process.env.AURA_OWNER));
Object.assign(loaded, { poster: 0, preview: 0, video: 0, pages: 0 });
await page.goto(`${process.env.AURA_WEB}/gallery`);
await page.locator("[data-tile]").first().waitFor();
await page.waitForTimeout(1000);
const tiles = () => page.locator("[data-tile]").count();
assert((await tiles()) <= MAX_TILES, `${await tiles()} tiles at the start`);
assert(loaded.poster <= MAX_TILES && loaded.pages <= 3, `at the start: ${JSON.stringify(loaded)}`);

let most = 0;
let last = 0;
for (let turn = 0; turn < 400 && last < COUNT; turn += 1) {
  await page.mouse.wheel(0, 2400);
  await page.waitForTimeout(50);
  most = Math.max(most, await tiles());
  last = await page.evaluate(() => Math.max(...[...document.querySelectorAll("li[aria-posinset]")].map((item) => Number(item.ariaPosInSet)), 0));
}
assert(last === COUNT, `the last of ${COUNT} videos is reached, not ${last}`);
assert(most <= MAX_TILES, `${most} tiles at once`);
assert(loaded.preview === 0 && loaded.video === 0, `scrolling loads posters only: ${JSON.stringify(loaded)}`);

// From the end back to the first one, with the keyboard.
await page.locator("[data-tile]").last().focus();
await page.keyboard.press("Home");
await page.waitForFunction(() => document.activeElement?.closest("li")?.dataset.index === "0");

// A change is put into the list that is loaded: nothing is read again.
const pagesRead = loaded.pages;
const first = page.locator("[data-tile]").first();
const name = await first.getAttribute("aria-label");
await page.keyboard.press(".");
await page.getByRole("article", { name, exact: true }).getByRole("button", { name: "Remove from favourites" }).waitFor();
await page.keyboard.press("Delete");
await page.getByRole("article", { name, exact: true }).waitFor({ state: "detached" });
await page.getByRole("button", { name: "Undo" }).click();
await page.getByRole("article", { name, exact: true }).waitFor();
assert(loaded.pages === pagesRead, `${loaded.pages - pagesRead} pages were read again after three changes`);
process.stdout.write(`${COUNT} videos: at most ${most} tiles at once, ${loaded.poster} posters after scrolling all\n`);
assert(page.errors.length === 0, `console: ${page.errors.slice(0, 3)}`);
await browser.close();
