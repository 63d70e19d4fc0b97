// A browser for the journeys: Debian's chromium, driven by the frontend's playwright-core.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../frontend/package.json", import.meta.url));
export const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
];

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 390, height: 844 };

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });
}

/** A page that collects what its console reports as errors, violations of the content policy among them. */
export async function openPage(browser, { theme = "dark", locale = "en-GB", viewport = WIDE, ...options } = {}) {
  const context = await browser.newContext({ viewport, locale, ...options });
  await context.addCookies([{ name: "aura_theme", value: theme, url: process.env.AURA_WEB }]);
  const page = await context.newPage();
  page.errors = [];
  page.on("console", (message) => message.type() === "error" && page.errors.push(message.text()));
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.setDefaultTimeout(30_000);
  return page;
}

export function assert(condition, message) {
  if (!condition) throw new Error(message);
}

export function newAccount() {
  return { email: `web-${Date.now()}-${Math.floor(Math.random() * 1e6)}@example.org`, password: "correct horse battery staple" };
}

export async function register(page, account = newAccount()) {
  await page.goto(`${process.env.AURA_WEB}/register`);
  await page.getByRole("textbox", { name: "Email" }).fill(account.email);
  await page.getByRole("textbox", { name: "Password", exact: true }).fill(account.password);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.waitForURL("**/create");
  return account;
}

/** The accessibility rules that a page breaks. Evaluated from outside, so that the content policy stays in force. */
export async function axe(page) {
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  });
}

/** Saves a picture where SHOTS names a folder. */
export async function shoot(page, name, options = {}) {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, ...options });
}

export async function logIn(page, { email, password }) {
  await page.goto(`${process.env.AURA_WEB}/login`);
  await page.getByRole("textbox", { name: "Email" }).fill(email);
  await page.getByRole("textbox", { name: "Password", exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL("**/create");
}
