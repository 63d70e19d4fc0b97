// Texts that look like markup stay text on every page that shows them: prompt, title, tag, name, report.
import { assert, launch, logIn, openPage, shoot } from "./browser.mjs";
import { LONG, clientOf } from "./client.mjs";
import { injected } from "./measures.mjs";

const base = process.env.AURA_WEB;
/** The prompt of three videos of this account, which the test has made. */
const PROMPT = process.env.AURA_MARKUP;
const TITLE = PROMPT.replace("prompt", "title");
const NAME = PROMPT.replace("prompt", "name").slice(-80);
const DETAILS = PROMPT.replace("prompt", "details");
const TAG = "<img src=x onerror=a()>";

const account = JSON.parse(process.env.AURA_OWNER);
const call = await clientOf(account);
await call("PATCH", "/api/me", { display_name: NAME });
const [titled, plain, trashed] = (await call("GET", "/api/videos")).data.map(({ id }) => id);
for (const id of [titled, trashed]) await call("PATCH", `/api/videos/${id}`, { title: TITLE, tags: [TAG] });
await call("DELETE", `/api/videos/${trashed}`);
await call("PATCH", `/api/videos/${plain}`, { visibility: "public", show_prompt: true });
const { token } = await call("POST", `/api/videos/${titled}/shares`, { show_prompt: true });
await call("POST", "/api/reports", { share_token: token, reason: "other", details: DETAILS });
const running = await call("POST", "/api/generate", { prompt: PROMPT, ...LONG });

const browser = await launch();
const shown = [];

async function check(page, what, ...texts) {
  for (const text of texts) {
    await page.getByText(text).filter({ visible: true }).first().waitFor().catch(async () => {
      await shoot(page, "hostile-missing");
      assert(false, `${what} does not show ${text}`);
    });
  }
  await page.waitForTimeout(200);
  const found = [...(await injected(page)), ...page.errors];
  assert(found.length === 0, `${what}: ${found}`);
  shown.push(what);
}

async function visit(page, path, ...texts) {
  await page.goto(base + path);
  await check(page, path, ...texts);
}

const page = await openPage(browser);
await logIn(page, account);
await check(page, "the queue beside the composer", PROMPT);
await visit(page, "/queue", PROMPT);
await page.getByRole("article", { name: PROMPT }).first().getByRole("button", { name: "Cancel" }).click();
await page.getByText("Canceled").first().waitFor();
await check(page, "a canceled job", PROMPT);
await page.getByRole("button", { name: "Account", exact: true }).click();
await check(page, "the account menu", NAME);
await visit(page, "/gallery", TITLE, PROMPT);
await page.getByRole("link", { name: TITLE }).click();
await page.getByRole("dialog").getByRole("heading", { name: TITLE }).waitFor();
await check(page, "a video above the gallery", TITLE, PROMPT, TAG);
assert((await page.title()).length < 200, `the title of the tab: ${await page.title()}`);
for (const button of ["Edit title and tags", "Share", "Publish"]) {
  await page.getByRole("button", { name: button, exact: true }).click();
  await page.getByRole("dialog").nth(1).waitFor();
  await check(page, `the dialog "${button}"`);
  await page.keyboard.press("Escape");
}
await visit(page, `/v/${titled}`, TITLE, PROMPT, TAG);
await visit(page, `/gallery?q=${encodeURIComponent(TITLE)}&tag=${encodeURIComponent(TAG)}`);
await visit(page, "/gallery?show=trash", TITLE);
await visit(page, `/compare?ids=${titled},${plain}`, TITLE, PROMPT);
await page.goto(`${base}/gallery`);
await page.getByRole("article", { name: TITLE }).hover();
await page.getByRole("article", { name: TITLE }).getByRole("button", { name: /More/ }).click();
await page.getByRole("menuitem", { name: "Use settings" }).click();
await page.waitForURL("**/create");
assert((await page.getByRole("textbox", { name: "Prompt" }).inputValue()) === PROMPT, "the prompt is taken over");
await check(page, "the composer");
await page.keyboard.press("Control+k");
await page.getByRole("combobox").fill(TITLE);
await check(page, "the command menu", TITLE);
await visit(page, "/settings");
assert((await page.getByRole("textbox", { name: "Name" }).first().inputValue()) === NAME, "the name in the settings");

const visitor = await openPage(browser);
await visitor.goto(base);
// The public gallery is loaded when its place comes near the screen.
await visitor.mouse.wheel(0, 2000);
await check(visitor, "/", PROMPT);
await visit(visitor, `/gallery/${plain}`, PROMPT);
await visit(visitor, `/s/${token}`, TITLE, PROMPT);
for (const path of [`/s/${token}`, `/gallery/${plain}`]) {
  const html = await (await fetch(base + path)).text();
  assert(!/<img src=x|<svg onload|<\/title><\/script>/.test(html), `${path}: markup in what the server sends`);
  assert(html.includes("&lt;img src=x"), `${path}: the text is in the Open Graph tags`);
}
await visit(visitor, `/login?next=${encodeURIComponent("javascript:globalThis.hacked=1")}`);
await visit(visitor, `/register?invitation=${encodeURIComponent(TITLE)}`);

const staff = await openPage(browser);
await logIn(staff, JSON.parse(process.env.AURA_STAFF));
await visit(staff, "/moderation", DETAILS);
await staff.getByRole("button", { name: DETAILS }).first().click();
await check(staff, "the reported video", TITLE);
await visit(staff, "/admin");
await staff.getByRole("radio", { name: "Accounts" }).click();
await check(staff, "the accounts", account.email);
await staff.getByRole("radio", { name: "Audit log" }).click();
await staff.getByRole("row").nth(2).waitFor();
await check(staff, "the audit log");

const moderator = await clientOf(JSON.parse(process.env.AURA_STAFF));
await moderator("POST", `/api/moderation/videos/${titled}`, { action: "hide", reason: TITLE.slice(-100), statement: DETAILS });
await visit(page, `/v/${titled}`, TITLE, DETAILS);
await call("POST", `/api/jobs/${running.job_id}/cancel`).catch(() => undefined);
process.stdout.write(`texts stayed text in ${shown.length} places\n`);
await browser.close();
