// The account: name, second factor, sessions, password, export, deletion; language and theme.
import { createHmac } from "node:crypto";
import { assert, launch, openPage, register } from "./browser.mjs";

const base = process.env.AURA_WEB;
const browser = await launch();
const page = await openPage(browser);
const account = await register(page);
await page.goto(`${base}/settings`);

await page.getByRole("textbox", { name: "Name" }).fill("Ada");
await page.getByRole("button", { name: "Save" }).click();
await page.getByText("Saved").waitFor();

// The link of a mail, opened signed out: its token survives the log-in, is sent, and is in no address.
const mailed = await openPage(browser);
const addresses = [];
mailed.on("framenavigated", (frame) => addresses.push(frame.url()));
await mailed.goto(`${base}/change-email#token=of-the-mail`);
await mailed.waitForURL((url) => url.hash === "");
addresses.length = 0;
await mailed.getByRole("main").getByRole("link", { name: "Log in" }).click();
await mailed.waitForURL("**/login?next=%2Fchange-email");
await mailed.reload();
await mailed.getByRole("textbox", { name: "Email" }).fill(account.email);
await mailed.getByRole("textbox", { name: "Password", exact: true }).fill(account.password);
await mailed.getByRole("button", { name: "Log in" }).click();
await mailed.waitForURL("**/change-email");
const confirmation = mailed.waitForResponse("**/api/me/email/confirm");
await mailed.getByRole("button", { name: "Use this address" }).click();
// A token, though not one of this server: without it, the request would be invalid.
assert((await (await confirmation).json()).code === "link_used", "the token of the mail is sent");
await mailed.getByRole("alert").filter({ hasText: "This link is invalid" }).waitFor();
assert(!addresses.some((address) => address.includes("of-the-mail")), `the token in an address: ${addresses}`);
await mailed.goBack();
assert(!mailed.url().includes("of-the-mail"), `the token in the history: ${mailed.url()}`);
await mailed.getByRole("button", { name: "Account", exact: true }).click();
await mailed.getByRole("menuitem", { name: "Log out" }).click();
await mailed.waitForURL(`${base}/`);
await mailed.context().close();

/** RFC 6238: six digits for a step of 30 seconds. */
function totp(secret, step) {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac("sha1", key).update(counter).digest();
  const number = digest.readUInt32BE(digest.at(-1) & 15) & 0x7fffffff;
  return String(number % 1e6).padStart(6, "0");
}

const now = () => Math.floor(Date.now() / 30_000);
await page.getByRole("button", { name: "Set up" }).click();
await page.getByRole("dialog").getByRole("textbox", { name: "Current password" }).fill(account.password);
await page.getByRole("dialog").getByRole("button", { name: "Set up" }).click();
await page.getByRole("img", { name: "QR code for the authenticator" }).waitFor();
const secret = await page.locator("form code").textContent();
await page.getByRole("textbox", { name: "Code from the authenticator" }).fill(totp(secret, now()));
await page.getByRole("button", { name: "Confirm" }).click();
await page.getByText("Recovery codes").waitFor();

const second = await openPage(browser);
await second.goto(`${base}/login`);
await second.getByRole("textbox", { name: "Email" }).fill(account.email);
await second.getByRole("textbox", { name: "Password", exact: true }).fill(account.password);
await second.getByRole("button", { name: "Log in" }).click();
await second.getByRole("textbox", { name: "Code" }).fill(totp(secret, now() + 1));
await second.getByRole("button", { name: "Log in" }).click();
await second.waitForURL("**/create");

await page.reload();
await page.getByRole("button", { name: "End session" }).click();
await second.waitForFunction(() => !localStorage.getItem("aura.signed-in"), undefined, { timeout: 30_000 });

const download = page.waitForEvent("download");
await page.getByRole("button", { name: "Download export" }).click();
assert((await download).suggestedFilename() === "auraanim-export.zip", "the export");

await page.getByRole("button", { name: "Account", exact: true }).click();
await page.getByRole("menuitemradio", { name: "Deutsch" }).click();
await page.getByRole("heading", { name: "Einstellungen", includeHidden: true }).waitFor();
await page.getByRole("menuitemradio", { name: "Hell" }).click();
assert((await page.evaluate(() => document.documentElement.dataset.theme)) === "light", "the theme");
await page.reload();
assert((await page.evaluate(() => document.documentElement.dataset.theme)) === "light", "the theme stays");

await page.getByRole("button", { name: "Mein Konto löschen" }).click();
await page.getByRole("dialog").getByLabel(/Gib dein Passwort ein/).fill(account.password);
await page.getByRole("dialog").getByRole("button", { name: "Mein Konto löschen" }).click();
await page.waitForURL(`${base}/`);
await page.goto(`${base}/login`);
await page.getByRole("textbox", { name: "E-Mail" }).fill(account.email);
await page.getByRole("textbox", { name: "Passwort" }).fill(account.password);
await page.getByRole("button", { name: "Anmelden" }).click();
await page.getByRole("alert").filter({ hasText: "falsch" }).waitFor();
await browser.close();
