// A browser for the journeys: Debian's chromium, driven by the frontend's playwright-core.
import { createRequire } from "node:module";

const require = createRequire(new URL("../../frontend/package.json", import.meta.url));
export const { chromium } = require("playwright-core");

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Without a graphics card: pages are painted by the CPU as on such machines, only WebGL is emulated.
  "--disable-gpu",
  "--enable-unsafe-swiftshader",
];

export { axe } from "./measures.mjs";
export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 390, height: 844 };

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });
}

/**
 * A page that collects what its console reports as errors, violations of the content policy among them. `crashes` are
 * exceptions only: a test of failing requests expects the other errors.
 */
export async function openPage(browser, { theme = "dark", locale = "en-GB", viewport = WIDE, ...options } = {}) {
  const context = await browser.newContext({ viewport, locale, ...options });
  await context.addCookies([{ name: "aura_theme", value: theme, url: process.env.AURA_WEB }]);
  const page = await context.newPage();
  page.errors = [];
  page.crashes = [];
  page.on("console", (message) => message.type() === "error" && page.errors.push(`${message.text()} ${message.location().url}`));
  page.on("pageerror", (error) => {
    page.errors.push(String(error));
    page.crashes.push(String(error));
  });
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

export async function logIn(page, account) {
  await page.goto(`${process.env.AURA_WEB}/login`);
  await fillLogIn(page, account);
  await page.waitForURL("**/create");
}

/** The form of the page that is shown. */
export async function fillLogIn(page, { email, password }) {
  await page.getByRole("textbox", { name: "Email" }).fill(email);
  await page.getByRole("textbox", { name: "Password", exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
}

export async function generate(page, prompt) {
  await page.getByRole("textbox", { name: "Prompt" }).fill(prompt);
  await page.getByRole("button", { name: "Generate" }).click();
}

/** Takes settings over into the composer, and reloads the page. */
export async function prepareDraft(page, prompt, settings = {}) {
  await page.evaluate((state) => localStorage.setItem("aura.draft", JSON.stringify({ version: 1, state })), {
    prompt,
    settings,
    mode: "simple",
    variations: 1,
    history: [],
  });
  await page.reload();
}

/** Saves a picture where SHOTS names a folder. */
export async function shoot(page, name, options = {}) {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, ...options });
}
