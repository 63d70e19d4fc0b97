// Register, generate, watch the progress, play; then reload, and look from a second browser.
import { assert, launch, logIn, openPage, register, shoot } from "./browser.mjs";
import { storedTokens } from "./measures.mjs";

const PROMPT = "a red circle moving right on a blue background";
const browser = await launch();
const page = await openPage(browser);
const account = await register(page);

await page.getByRole("textbox", { name: "Prompt" }).fill(PROMPT);
await page.getByRole("button", { name: "Generate" }).click();
const queue = page.getByRole("region", { name: "Queue" });
const card = queue.getByRole("article", { name: PROMPT });
await card.waitFor();
assert((await card.getByRole("progressbar").count()) === 5, "a progress bar per stage");
await card.getByRole("button", { name: "Cancel" }).waitFor();

// The same after a reload, and on a second device.
await page.reload();
await page.getByRole("article", { name: PROMPT }).waitFor();
const second = await openPage(browser);
await logIn(second, account);
await second.getByRole("article", { name: PROMPT }).waitFor();
await page.locator("[data-transport=live]").waitFor();
await shoot(page, "create-running-dark-wide");

// Progress never goes back.
const values = [];
while (!(await page.getByRole("button", { name: `Play: ${PROMPT}` }).count())) {
  values.push(await page.evaluate(() => [...document.querySelectorAll("article [role=progressbar]")].reduce((sum, bar) => sum + Number(bar.ariaValueNow), 0)));
  assert(values.length < 600, `no video after 60 s: ${values.slice(-5)}`);
  await page.waitForTimeout(100);
}
const running = values.filter((value) => value > 0);
assert(running.every((value, index) => index === 0 || value >= running[index - 1]), `progress went back: ${running}`);

await page.getByRole("button", { name: `Play: ${PROMPT}` }).click();
const video = page.getByLabel(`Video: ${PROMPT}`);
await video.waitFor();
await page.waitForFunction(() => document.querySelector("video")?.currentTime > 0.2);
await second.getByRole("button", { name: `Play: ${PROMPT}` }).waitFor();
await shoot(page, "create-done-dark-wide");

const stored = await storedTokens(page);
assert(stored.length === 0, `within reach of scripts: ${stored}`);
assert(page.errors.length === 0, `console: ${page.errors}`);
await browser.close();
