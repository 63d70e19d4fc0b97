// Every page in both themes, wide and narrow: no violation of accessibility or of the content policy, no shift, and the
// budget of scripts. With SHOTS, a picture of each.
import { gzipSync } from "node:zlib";
import { NARROW, WIDE, assert, axe, launch, logIn, newAccount, openPage, register, shoot } from "./browser.mjs";

const PUBLIC = ["/", "/login", "/register", "/forgot", "/reset", "/verify", "/change-email", "/gallery", "/s/no-such-link", "/no-such-page"];
const SIGNED_IN = ["/", "/create", "/queue", "/gallery", "/compare", "/settings", "/moderation", "/design"];
const STAFF = ["/moderation", "/admin"];
const MISSING = ["/no-such-page", "/s/no-such-link"];
const MAX_SCRIPT_BYTES = 180_000;
const MAX_SHIFT = 0.05;

const base = process.env.AURA_WEB;
const browser = await launch();
const problems = [];

/** Collects the layout shifts of each page from its start. */
function observeShifts() {
  globalThis.shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
}

async function visit(page, path, name) {
  page.errors.length = 0;
  await page.goto(base + path);
  await page.waitForLoadState("networkidle", { timeout: 1200 }).catch(() => undefined);
  await page.waitForTimeout(200);
  await shoot(page, name, { fullPage: path !== "/" && path !== "/create" });
  const found = (await axe(page)).concat(page.errors.filter((error) => !(MISSING.includes(path) && error.includes("404"))));
  const shift = await page.evaluate(() => globalThis.shift);
  if (shift > MAX_SHIFT) found.push(`layout shift ${shift.toFixed(3)}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) found.push(`${wide} px wider than the screen`);
  problems.push(...found.map((problem) => `${name}: ${problem}`));
}

const account = newAccount();
const setup = await openPage(browser);
await register(setup, account);
await setup.context().close();

for (const theme of ["dark", "light"]) {
  for (const [size, viewport] of [["wide", WIDE], ["narrow", NARROW]]) {
    const page = await openPage(browser, { theme, viewport });
    await page.addInitScript(observeShifts);
    const named = (path, state) => `${state}${path.replaceAll("/", "-").replace(/-$/, "-landing")}-${theme}-${size}`;
    for (const path of PUBLIC) await visit(page, path, named(path, "public"));
    await logIn(page, account);
    for (const path of SIGNED_IN) await visit(page, path, named(path, "own"));
    await page.context().close();
    const staff = await openPage(browser, { theme, viewport });
    await staff.addInitScript(observeShifts);
    await logIn(staff, JSON.parse(process.env.AURA_STAFF));
    for (const path of STAFF) await visit(staff, path, named(path, "staff"));
    await staff.context().close();
  }
}

const page = await openPage(browser);
const sizes = [];
page.on("response", async (response) => {
  if (response.request().resourceType() === "script") sizes.push(gzipSync(await response.body()).length);
});
await page.goto(base);
await page.waitForTimeout(3000);
const bytes = sizes.reduce((sum, size) => sum + size, 0);
process.stdout.write(`scripts of the landing page: ${Math.round(bytes / 1000)} kB compressed in ${sizes.length} files\n`);
if (bytes > MAX_SCRIPT_BYTES) problems.push(`the landing page loads ${bytes} bytes of script`);

await browser.close();
assert(problems.length === 0, problems.join("\n"));
