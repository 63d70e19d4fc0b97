// A finished video: find it in the gallery, make it a favourite, finish it as WebM, share it, trash and undo.
import { assert, launch, openPage, register, shoot } from "./browser.mjs";

const PROMPT = "a blue square bouncing on a white background";
const base = process.env.AURA_WEB;
const browser = await launch();
const page = await openPage(browser);
await register(page);
await page.getByRole("textbox", { name: "Prompt" }).fill(PROMPT);
await page.getByRole("button", { name: "Generate" }).click();
await page.getByRole("button", { name: `Play: ${PROMPT}` }).waitFor({ timeout: 150_000 });

await page.getByRole("link", { name: "Gallery" }).first().click();
await page.waitForURL("**/gallery");
const tile = page.getByRole("article", { name: PROMPT });
await tile.waitFor();
await tile.getByRole("link").hover();
await tile.locator("[data-moving]").waitFor();
await shoot(page, "gallery-dark-wide");
await tile.getByRole("button", { name: "Favourite" }).click();
await page.getByRole("button", { name: "Favourites" }).click();
await tile.getByRole("button", { name: "Remove from favourites" }).waitFor();
await page.getByRole("searchbox", { name: "Search titles and prompts" }).fill("nothing like this");
await page.getByText("Nothing matches").waitFor();
await page.getByRole("searchbox", { name: "Search titles and prompts" }).fill("bouncing");
await tile.getByRole("link").click();

await page.waitForURL("**/v/*");
await page.getByLabel(`Video: ${PROMPT}`).waitFor();
await shoot(page, "video-dark-wide");
await page.getByRole("button", { name: "Share" }).click();
await page.getByRole("button", { name: "Create link" }).click();
const link = await page.getByRole("textbox", { name: "Link" }).inputValue();
assert(link.includes("/s/"), `a link to share: ${link}`);
await shoot(page, "share-dark-wide");
await page.keyboard.press("Escape");

await page.getByRole("button", { name: "Finish again" }).click();
await page.getByRole("dialog").getByText("WEBM").click();
await page.getByRole("dialog").getByRole("button", { name: "Finish", exact: true }).click();
await page.waitForURL("**/queue");
await page.getByRole("article", { name: PROMPT }).nth(1).waitFor();
await page.waitForFunction(() => document.querySelectorAll('button[aria-label^="Play"]').length === 2, undefined, { timeout: 120_000 });

await page.goto(`${base}/gallery`);
await page.getByRole("article").nth(1).waitFor();
await page.getByRole("button", { name: "Move to trash" }).first().click();
await page.waitForFunction(() => document.querySelectorAll("article").length === 1);
await page.getByRole("button", { name: "Undo" }).click();
await page.getByRole("article").nth(1).waitFor();
assert(page.errors.length === 0, `console: ${page.errors}`);
await browser.close();
