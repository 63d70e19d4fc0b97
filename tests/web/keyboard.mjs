// Only the keyboard: from the address bar to a job and its end. Then hostile text stays text.
import { assert, launch, newAccount, openPage } from "./browser.mjs";

const browser = await launch();
const page = await openPage(browser);
const account = newAccount();
const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");

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
await page.keyboard.press("/");
await page.keyboard.type(hostile);
assert((await page.getByRole("textbox", { name: "Prompt" }).inputValue()) === hostile, "single keys do nothing in a field");
await page.keyboard.press("Control+Enter");
const card = page.getByRole("article", { name: hostile });
await card.waitFor();
assert((await page.locator("img[src=x]").count()) === 0, "the prompt stays text");
await page.getByRole("heading", { name: "Queue" }).click();
await page.keyboard.press("Shift+X");
await page.getByText("Canceled").first().waitFor();

// Alt and Up bring the earlier prompt back; the draft survives a reload.
await page.getByRole("textbox", { name: "Prompt" }).fill("");
await page.keyboard.press("Alt+ArrowUp");
assert((await page.getByRole("textbox", { name: "Prompt" }).inputValue()) === hostile, "the earlier prompt");
await page.reload();
await page.waitForFunction((text) => document.querySelector("#prompt")?.value === text, hostile);
assert(page.errors.length === 0, `console: ${page.errors}`);
await browser.close();
