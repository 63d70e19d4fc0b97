// Every page while the gateway is slow, fails, or cannot be reached: it says so, and stays accessible. Some also while not
// even the session can be restored: they recover without a reload. With SHOTS, a picture of each.
import { NARROW, WIDE, assert, axe, launch, logIn, openPage, shoot } from "./browser.mjs";

const ID = "00000000-0000-4000-8000-000000000000";
const PAGES = ["/create", "/queue", "/gallery", `/v/${ID}`, `/compare?ids=${ID},${ID.replace("4", "5")}`, "/settings", "/moderation", "/admin"];
/** One without a role, one with another part, and one that asks for the role. */
const WITHOUT_SESSION = ["/gallery", "/create", "/admin"];
const REQUEST_ID = "0f3c9d2a7b1e4c55";
const LOOKS = [
  { theme: "dark", viewport: WIDE, size: "wide", states: ["loading", "error", "offline"] },
  { theme: "light", viewport: NARROW, size: "narrow", states: ["offline", "error"] },
];
const PROBLEM = { type: "about:blank", title: "Unavailable", status: 503, code: "unavailable", request_id: REQUEST_ID };

const STATES = {
  loading: {
    answer: () => undefined,
    shown: (page) => page.locator("main .animate-breathe").first(),
  },
  error: {
    answer: (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify(PROBLEM) }),
    shown: (page) => page.getByRole("main").getByRole("alert").filter({ hasText: REQUEST_ID }).first(),
  },
  offline: {
    answer: (route) => route.abort("internetdisconnected"),
    shown: (page) => page.getByRole("main").getByRole("alert").filter({ hasText: /cannot be reached/ }).first(),
  },
};

const base = process.env.AURA_WEB;
const browser = await launch();
const problems = [];

/** The session and, except in the settings, the account stay available: otherwise every page asks to log in. */
function isNeeded(url, path) {
  return url.pathname.startsWith("/api/auth/") || (url.pathname === "/api/me" && path !== "/settings");
}

async function look(page, name) {
  await shoot(page, name, { fullPage: true });
  problems.push(...(await axe(page)).map((problem) => `${name}: ${problem}`));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) problems.push(`${name}: ${wide} px wider than the screen`);
}

const happens = (waiting) => waiting.then(() => true, () => false);

/** The requests that restore the session fail too, until the gateway is back. */
async function loseSession(page, path, { answer, shown }, name) {
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await page.route(/\/api\//, answer);
  await page.goto(base + path);
  if (!(await happens(shown(page).waitFor({ timeout: 15_000 })))) problems.push(`${name}: the page does not say so`);
  if ((await page.getByRole("heading", { name: "Log in to see this" }).count()) > 0) problems.push(`${name}: the page asks to log in`);
  await look(page, name);
  await page.unrouteAll({ behavior: "ignoreErrors" });
  const recovered = page.getByRole("button", { name: "Account", exact: true }).waitFor({ timeout: 30_000 });
  if (!(await happens(recovered))) return problems.push(`${name}: the session is not restored`);
  const over = shown(page).waitFor({ state: "detached", timeout: 15_000 });
  if (!(await happens(over))) problems.push(`${name}: the error stays`);
}

for (const { size, states, ...options } of LOOKS) {
  const page = await openPage(browser, options);
  await logIn(page, JSON.parse(process.env.AURA_STAFF));
  await page.routeWebSocket(/\/api\/ws/, (socket) => socket.close());
  for (const state of states) {
    const { answer, shown } = STATES[state];
    for (const path of PAGES) {
      await page.unrouteAll({ behavior: "ignoreErrors" });
      await page.route(/\/api\//, (route) => (isNeeded(new URL(route.request().url()), path) ? route.continue() : answer(route)));
      // A page that is left while it renews the session loses the new cookie.
      const restored = page.waitForResponse("**/api/auth/refresh").catch(() => undefined);
      await page.goto(base + path);
      await restored;
      const name = `${state}${path.split(/[?]|\/0/)[0].replaceAll("/", "-")}-${options.theme}-${size}`;
      if (!(await happens(shown(page).waitFor({ timeout: 15_000 })))) problems.push(`${name}: the page does not say so`);
      await look(page, name);
    }
  }
  for (const state of states.filter((one) => one !== "loading")) {
    for (const path of WITHOUT_SESSION) {
      await loseSession(page, path, STATES[state], `${state}-session${path.replaceAll("/", "-")}-${options.theme}-${size}`);
    }
  }
  await page.context().close();
}

await browser.close();
assert(problems.length === 0, problems.join("\n"));
