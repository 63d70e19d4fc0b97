// Only the keyboard: from the address bar to a job and its end, a video that plays, the gallery and a link to share.
import { assert, launch, newAccount, openPage } from "./browser.mjs";

const PROMPT = "a blue square bouncing on a white background";
const MAX_STOPS = 80;
const browser = await launch();
const page = await openPage(browser);
const account = newAccount();
/** The accessible name of what has the focus, as far as these pages need it. */
const focused = () =>
  page.evaluate(() => {
    const { activeElement: element } = document;
    if (!element || element === document.body) return "nothing";
    return element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent ?? "";
  });

/** Goes on with Tab to the control of this name. */
async function tabTo(name) {
  const passed = [];
  while (passed.length < MAX_STOPS) {
    await page.keyboard.press("Tab");
    passed.push((await focused()).trim());
    if (passed.at(-1) === name) return;
  }
  assert(false, `Tab does not reach ${name}: ${passed.join(" | ")}`);
}

await page.goto(`${process.env.AURA_WEB}/register`);
await page.keyboard.press("Tab");
assert((await focused()).startsWith("Skip"), `the first stop is the skip link, not ${await focused()}`);
await page.keyboard.press("Enter");
await page.keyboard.press("Tab");
await page.keyboard.type(account.email);
await page.keyboard.press("Tab");
await page.keyboard.type(account.password);
await page.keyboard.press("Enter");
await page.waitForURL("**/create");

await page.keyboard.press("?");
await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
await page.keyboard.press("Escape");
await page.getByRole("dialog").waitFor({ state: "detached" });

const hostile = '<img src=x onerror="document.title=1"> a blue square';
const prompt = page.getByRole("textbox", { name: "Prompt" });
await page.keyboard.press("/");
await page.keyboard.type(hostile);
assert((await prompt.inputValue()) === hostile, "single keys do nothing in a field");
await page.keyboard.press("Control+Enter");
const card = page.getByRole("article", { name: hostile });
await card.waitFor();
assert((await page.locator("img[src=x]").count()) === 0, "the prompt stays text");
await card.getByRole("button", { name: "Cancel" }).waitFor();
await tabTo("Square");
await page.keyboard.press("Shift+X");
await page.getByText("Canceled").first().waitFor();

// Alt and Up bring the earlier prompt back; the draft survives a reload.
await page.keyboard.press("/");
await page.keyboard.press("Control+a");
await page.keyboard.press("Delete");
await page.keyboard.press("Alt+ArrowUp");
assert((await prompt.inputValue()) === hostile, "the earlier prompt");
await page.reload();
await page.waitForFunction((text) => document.querySelector("#prompt")?.value === text, hostile);

// A video, from the prompt to its picture.
await page.keyboard.press("/");
await page.keyboard.press("Control+a");
await page.keyboard.type(PROMPT);
await page.keyboard.press("Control+Enter");
await page.getByRole("button", { name: `Play: ${PROMPT}` }).waitFor({ timeout: 120_000 });
await tabTo(`Play: ${PROMPT}`);
await page.keyboard.press("Enter");
await page.waitForFunction(() => document.querySelector("video")?.currentTime > 0.2);

// Found with the commands, opened from the gallery, shared.
await page.keyboard.press("Control+k");
await page.getByRole("combobox", { name: "Search for a page or an action" }).waitFor();
await page.keyboard.type("gallery");
await page.keyboard.press("Enter");
await page.waitForURL("**/gallery");
await page.locator("[data-tile]").waitFor();
await tabTo(PROMPT);
await page.keyboard.press("Enter");
await page.waitForURL("**/v/*");
await page.getByRole("dialog").getByRole("button", { name: "Share" }).waitFor();
await tabTo("Share");
await page.keyboard.press("Enter");
await page.getByRole("dialog", { name: "Share a link" }).waitFor();
await tabTo("Create link");
await page.keyboard.press("Enter");
const link = await page.getByRole("textbox", { name: "Link" }).inputValue();
assert(link.includes("/s/"), `a link: ${link}`);
await page.keyboard.press("Escape");
await page.getByRole("dialog", { name: "Share a link" }).waitFor({ state: "detached" });
assert((await focused()).trim() === "Share", `the focus is back where the dialog was opened, not on ${await focused()}`);
await page.keyboard.press("Escape");
await page.waitForURL("**/gallery");
await page.waitForFunction((name) => document.activeElement?.getAttribute("aria-label") === name, PROMPT);
assert(page.errors.length === 0, `console: ${page.errors}`);
await browser.close();
