// Interaction to next paint on the pages that people work with, by real clicks and keys. A gallery with many videos.
import { assert, launch, logIn, openPage } from "./browser.mjs";
import { QUICK, clientOf, makeVideo } from "./client.mjs";
import { MAX_INTERACTION_MS, interactions, layoutShift, observe, MAX_SHIFT } from "./measures.mjs";

const PROMPT = "a red circle moving right on a blue background";
const base = process.env.AURA_WEB;
const owner = JSON.parse(process.env.AURA_OWNER);
/** Other programs on this machine only add time: the fastest of these runs counts. */
const MAX_RUNS = 3;
/** A fast typist. Keys that come faster than a page is painted wait for each other. */
const TYPING_MS = 80;
const call = await clientOf(owner);
const videoId = await makeVideo(call, PROMPT, { ...QUICK, duration_seconds: 2 });
const browser = await launch();

const escape = async (page) => {
  await page.keyboard.press("Escape");
  await page.waitForTimeout(150);
};

const PAGES = {
  landing: ["/", async (page) => {
    await page.getByRole("textbox", { name: "Prompt" }).click();
    await page.keyboard.type("a red circle", { delay: TYPING_MS });
    await page.keyboard.press("?");
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").waitFor();
    await page.keyboard.type("queue", { delay: TYPING_MS });
    await escape(page);
  }],
  create: ["/create", async (page) => {
    const prompt = page.getByRole("textbox", { name: "Prompt" });
    await prompt.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type(PROMPT, { delay: TYPING_MS });
    for (const mode of ["Advanced", "Simple", "Advanced"]) await page.getByRole("radio", { name: mode }).click();
    for (const ratio of ["Wide", "Tall", "Square"]) await page.getByRole("radio", { name: ratio }).click();
    for (const quality of ["High", "Draft"]) await page.getByRole("radio", { name: quality }).click();
    await page.getByRole("button", { name: "Variations +" }).click();
    await page.getByRole("button", { name: "Variations −" }).click();
    await page.getByRole("button", { name: "Roll a seed" }).click();
    await page.getByRole("textbox", { name: "Negative prompt" }).click();
    await page.keyboard.type("noise", { delay: TYPING_MS });
    await page.getByRole("button", { name: "Generate" }).click();
    await page.getByRole("button", { name: "Cancel" }).first().click();
    await page.getByText("Canceled").first().waitFor();
  }],
  gallery: ["/gallery", async (page) => {
    await page.locator("[data-tile]").first().waitFor();
    await page.locator("[data-tile]").first().focus();
    for (const key of ["ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowUp", "End", "Home", ".", "."]) {
      await page.keyboard.press(key);
      await page.waitForTimeout(120);
    }
    const tile = page.getByRole("article").nth(2);
    await tile.hover();
    await tile.getByRole("checkbox").click();
    await page.getByRole("button", { name: "Select all shown" }).click();
    await page.getByRole("button", { name: "Clear selection" }).click();
    await tile.hover();
    await tile.getByRole("button", { name: /More/ }).click();
    await page.getByRole("menuitem", { name: "Use settings" }).waitFor();
    await escape(page);
    await page.getByRole("searchbox").click();
    await page.keyboard.type("circle", { delay: TYPING_MS });
    await page.waitForTimeout(600);
    await page.getByRole("radio", { name: "Favourites" }).click();
    await page.getByRole("radio", { name: "All" }).click();
    await page.getByRole("article").first().getByRole("link").click();
    await page.waitForURL("**/v/*");
    await escape(page);
    await page.waitForURL(/gallery/);
  }],
  queue: ["/queue", async (page) => {
    const card = page.getByRole("article", { name: PROMPT }).filter({ hasNotText: "Canceled" }).first();
    await card.getByRole("button", { name: /^Play/ }).click();
    await card.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Download" }).waitFor();
    await escape(page);
    await page.getByRole("button", { name: "Account", exact: true }).click();
    await page.getByRole("menuitem", { name: "Settings" }).waitFor();
    await escape(page);
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await escape(page);
    for (let stops = 0; stops < 8; stops += 1) await page.keyboard.press("Tab");
  }],
  video: [`/v/${videoId}`, async (page) => {
    const video = page.locator("video");
    await video.waitFor();
    await page.waitForFunction(() => document.querySelector("video").readyState >= 2);
    await video.click();
    // Two clicks at once show the video on the whole screen.
    await page.waitForTimeout(700);
    await video.click();
    for (const key of ["ArrowRight", "ArrowLeft"]) await page.keyboard.press(key);
    for (const button of ["Edit title and tags", "Share", "Finish again", "Publish"]) {
      await page.getByRole("button", { name: button, exact: true }).click();
      await page.getByRole("dialog").waitFor();
      await escape(page);
    }
    await page.getByRole("button", { name: "Favourite", exact: true }).click();
    await page.getByRole("button", { name: "Remove from favourites" }).click();
    await page.keyboard.press(".");
    await page.keyboard.press(".");
  }],
};

async function measure(path, use) {
  const page = await openPage(browser);
  await observe(page);
  await logIn(page, owner);
  await page.goto(base + path);
  await page.waitForTimeout(500);
  await use(page);
  await page.waitForTimeout(300);
  const measured = { ...(await interactions(page)), shift: await layoutShift(page) };
  assert(page.errors.length === 0, `console of ${path}: ${page.errors}`);
  await page.context().close();
  return measured;
}

const problems = [];
for (const [name, [path, use]] of Object.entries(PAGES)) {
  const runs = [];
  while (runs.length < MAX_RUNS && !runs.some(({ ms }) => ms <= MAX_INTERACTION_MS)) runs.push(await measure(path, use));
  const best = runs.reduce((one, other) => (one.ms <= other.ms ? one : other));
  const slowest = best.slow[0] ? `slowest ${best.slow[0].ms} ms: ${best.slow[0].what}` : "none over 16 ms";
  const text = `${name}: ${best.count} interactions, to next paint ${best.ms} ms (${slowest}), layout shift ${best.shift.toFixed(3)}, run ${runs.length}`;
  process.stdout.write(`${text}\n`);
  if (best.count < 8) problems.push(`${name}: only ${best.count} interactions were measured`);
  if (best.ms > MAX_INTERACTION_MS) problems.push(`${text}\n  ${best.slow.slice(0, 5).map(({ ms, what }) => `${ms} ms ${what}`).join(", ")}`);
  if (best.shift > MAX_SHIFT) problems.push(text);
}
await browser.close();
assert(problems.length === 0, problems.join("\n"));
