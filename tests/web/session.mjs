// The access token expires in mid job (the gateway of these tests issues short ones): with a WebSocket it is renewed before,
// and a page that does not know the time sends it until it is refused. Then a session is revoked: log in, and back.
import { assert, fillLogIn, launch, logIn, openPage, prepareDraft, register } from "./browser.mjs";
import { FINISHED_MS, LONG, QUICK, clientOf } from "./client.mjs";

const PROMPT = "a green triangle spinning on a white background";
const base = process.env.AURA_WEB;
/** Others follow while the page waits. */
const SHORT = { ...QUICK, num_inference_steps: 40 };
const LIFETIME_MS = Number(process.env.AURA_ACCESS_TOKEN_SECONDS) * 1000;
const browser = await launch();

const card = (page) => page.getByRole("region", { name: "Queue" }).getByRole("article", { name: PROMPT });

/** A page with jobs that run and wait, what its requests got, and every transport that its badge has shown. */
async function start(page, settings = LONG) {
  page.seen = { refused: 0, renewed: 0, last: "", tokens: new Set() };
  const account = await register(page);
  await prepareDraft(page, PROMPT, settings);
  page.on("request", (request) => page.seen.tokens.add(request.headers().authorization));
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    const what = pathname === "/api/auth/refresh" && response.ok() ? "renewed" : pathname.startsWith("/api/") && response.status() === 401 ? "refused" : null;
    if (!what) return;
    page.seen[what] += 1;
    page.seen.last = what;
  });
  await page.getByRole("button", { name: "Generate" }).click();
  await card(page).getByRole("button", { name: "Cancel" }).first().waitFor();
  return account;
}

/** Until it is so. Keeps jobs running meanwhile. */
async function midJob(page, isSo, what) {
  for (const until = Date.now() + 3 * LIFETIME_MS; !(await isSo()); await page.waitForTimeout(500)) {
    assert(Date.now() < until, `${what}: ${JSON.stringify(page.seen)}`);
    if ((await card(page).count()) < 2) await page.getByRole("button", { name: "Generate" }).click();
  }
  assert((await card(page).count()) > 0, `${what}: while a job runs`);
  assert((await page.getByRole("main").getByRole("alert").count()) === 0, `${what}: without a message`);
}

/** The rest is not waited for. */
async function cancelAll(page) {
  for (const button of await card(page).getByRole("button", { name: "Cancel" }).all()) await button.click().catch(() => undefined);
}

// With the WebSocket: renewed before it expires, and nothing is to be seen.
const live = await openPage(browser);
await start(live, SHORT);
await live.locator("[data-transport=live]").waitFor();
await live.evaluate(() => {
  globalThis.shown = new Set();
  const look = () => globalThis.shown.add(document.querySelector("[data-transport]")?.dataset.transport);
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-transport"] });
  look();
});
const first = [...live.seen.tokens].find(Boolean);
const refusedByNow = async () => (await fetch(`${base}/api/me`, { headers: { authorization: first } })).status === 401;
const renewing = midJob(live, refusedByNow, "the first token has expired");

// Without it, and with a clock that stands still: to this page no token ever expires.
const late = await openPage(browser);
await late.routeWebSocket(/\/api\/ws/, (socket) => socket.close());
await late.route("**/events", (route) => route.abort());
await late.clock.setFixedTime(new Date());
await start(late, SHORT);
await late.locator("[data-transport=polling]").waitFor({ timeout: 30_000 });
const refusing = midJob(late, () => late.seen.refused > 0 && late.seen.last === "renewed", "a token is refused and replaced");

await Promise.all([renewing, refusing]);
const shown = await live.evaluate(() => [...globalThis.shown]);
assert(shown.join() === "live", `the badge never left "live": ${shown}`);
assert(live.seen.renewed > 0 && live.seen.refused === 0, `renewed before it is refused: ${JSON.stringify(live.seen)}`);
const played = [live, late].map((page) => page.getByRole("button", { name: `Play: ${PROMPT}` }).first().waitFor({ timeout: FINISHED_MS }));
await Promise.all(played);
process.stdout.write(`token of ${LIFETIME_MS} ms: renewed ${live.seen.renewed} times while live, refused ${late.seen.refused} times while polling\n`);
assert(live.errors.length === 0, `console: ${live.errors}`);
await cancelAll(live);
await cancelAll(late);
await live.context().close();
await late.context().close();

// A session that is ended elsewhere, in mid job: the page says so, and after the log-in it is the same page.
for (const [path, address] of [["/queue", /\/queue$/], ["/gallery?show=favourites", /\/gallery\?show=favourites$/]]) {
  const ends = await openPage(browser);
  const account = await start(ends);
  const call = await clientOf(account);
  await ends.goto(base + path);
  await ends.getByRole("heading", { level: 1 }).first().waitFor();
  await ends.locator("[data-transport=live]").waitFor();
  const own = (await call("GET", "/api/me/sessions")).data.find((session) => !session.current);
  await call("DELETE", `/api/me/sessions/${own.id}`);
  await ends.getByRole("heading", { name: "Log in to see this" }).waitFor();
  assert(address.test(ends.url()), `it stays at its address: ${ends.url()}`);
  assert((await ends.getByRole("article", { name: PROMPT }).count()) === 0, "nothing of the account is left on the page");
  await ends.getByRole("main").getByRole("link", { name: "Log in" }).click();
  await ends.waitForURL("**/login?next=*");
  await fillLogIn(ends, account);
  await ends.waitForURL(address);
  if (path === "/queue") await ends.getByRole("article", { name: PROMPT }).first().waitFor();
  else assert(await ends.getByRole("radio", { name: "Favourites" }).isChecked(), "with its filter");
  const { data } = await call("GET", "/api/jobs");
  assert(data.length === 1 && data[0].status !== "failed", `the job went on: ${JSON.stringify(data)}`);
  if (!data[0].finished_at) await call("POST", `/api/jobs/${data[0].job_id}/cancel`);
  assert(ends.crashes.length === 0, `exceptions: ${ends.crashes}`);
  await ends.context().close();
}
await browser.close();
