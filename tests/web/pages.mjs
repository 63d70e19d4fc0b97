// Every page in a theme, wide and narrow, empty and with content, and its dialogs: no violation of accessibility or of the
// content policy, no shift, no token within reach of scripts. With SHOTS, a picture of each.
import { NARROW, WIDE, assert, launch, logIn, newAccount, openPage, shoot } from "./browser.mjs";
import { clientOf, makeVideo, registerByRest } from "./client.mjs";
import { DIALOG, STAFF_DIALOGS, dialogsOf } from "./dialogs.mjs";
import { layoutShift, observe, problemsOf } from "./measures.mjs";

const PUBLIC = ["/", "/login", "/register", "/forgot", "/reset", "/verify", "/change-email", "/gallery", "/s/no-such-link", "/no-such-page"];
const EMPTY = ["/", "/create", "/queue", "/gallery", "/compare", "/settings", "/moderation", "/design"];
const STAFF = ["/moderation", "/admin"];
const MISSING = ["/no-such-page", "/s/no-such-link"];

const theme = process.env.AURA_THEME;
const base = process.env.AURA_WEB;
const browser = await launch();
const problems = [];
/** Printed at once: a run of all pages is long. */
const report = (found, name) => {
  for (const problem of found) {
    problems.push(`${name}: ${problem}`);
    process.stdout.write(`${problems.at(-1)}\n`);
  }
};
const shifts = [];

/** Videos and links of the account. The test has made two of the videos; one that can be finished again is generated. */
async function makeContent() {
  const call = await clientOf(account);
  const [other, published] = (await call("GET", "/api/videos")).data.map(({ id }) => id);
  const video = await makeVideo(call, "a red circle moving right on a blue background");
  await call("PATCH", `/api/videos/${video}`, { title: "Red circle", tags: ["circle", "first"], favourite: true });
  await call("PATCH", `/api/videos/${published}`, { visibility: "public", show_prompt: true });
  const share = await call("POST", `/api/videos/${video}/shares`, { show_prompt: true });
  const closed = await call("POST", `/api/videos/${video}/shares`, { password: "open sesame please" });
  await call("POST", "/api/reports", { share_token: share.token, reason: "violence", details: "It falls down." });
  await call("POST", "/api/keys", { name: "notebook", scopes: ["jobs:read"] });
  const canceled = await call("POST", "/api/generate", { prompt: "a blue square growing on a white background", num_inference_steps: 150 });
  await call("POST", `/api/jobs/${canceled.job_id}/cancel`);
  return { video, other, published, share: share.token, closed: closed.token };
}

const settled = async (page) => {
  await page.waitForLoadState("networkidle", { timeout: 1200 }).catch(() => undefined);
  // Skeletons. Some pages always show one.
  await page.waitForFunction(() => !document.querySelector("main .animate-breathe"), undefined, { timeout: 5000 }).catch(() => undefined);
  await page.waitForTimeout(200);
};

async function visit(page, path, name) {
  page.errors.length = 0;
  await page.goto(base + path);
  await settled(page);
  await shoot(page, name, { fullPage: path !== "/" && path !== "/create" });
  const expected = (problem) => MISSING.includes(path) && problem.includes("404");
  report((await problemsOf(page)).filter((problem) => !expected(problem)), name);
  shifts.push([await layoutShift(page), name]);
}

async function openDialog(page, [path, what, open, shown = DIALOG, undo], size) {
  const name = `dialog-${what}-${theme}-${size}`;
  page.errors.length = 0;
  await page.goto(base + path);
  await settled(page);
  try {
    await open(page);
    await page.locator(shown).first().waitFor();
  } catch (error) {
    return report([`does not open: ${error.message.split("\n")[0]}`], name);
  }
  // The dialog moves in.
  await page.waitForTimeout(400);
  await shoot(page, name);
  report(await problemsOf(page), name);
  await undo?.(page);
}

const named = (path, state, size) => `${state}${path.replace(/\/[\w-]{20,}|\?ids=.*/, "-one").replace(/[?=]/g, "-").replaceAll("/", "-").replace(/-$/, "-landing")}-${theme}-${size}`;

const account = JSON.parse(process.env.AURA_OWNER);
const content = await makeContent();
const newcomer = newAccount();
await registerByRest(newcomer);
const OWN = [
  "/", "/create", "/queue", "/gallery", "/gallery?show=trash", "/gallery?show=favourites", "/gallery?q=nothing",
  `/v/${content.video}`, `/compare?ids=${content.video},${content.other}`, "/settings",
];
const VISITED = [`/s/${content.share}`, `/s/${content.closed}`, `/gallery/${content.published}`, "/gallery", "/"];

for (const [size, viewport] of [["wide", WIDE], ["narrow", NARROW]]) {
  const open = async () => {
    const page = await openPage(browser, { theme, viewport });
    await observe(page);
    return page;
  };
  const page = await open();
  for (const path of PUBLIC) await visit(page, path, named(path, "public", size));
  for (const path of VISITED) await visit(page, path, named(path, "visited", size));
  await logIn(page, newcomer);
  for (const path of EMPTY) await visit(page, path, named(path, "empty", size));
  await page.context().close();
  const own = await open();
  await logIn(own, account);
  for (const path of OWN) await visit(own, path, named(path, "own", size));
  for (const dialog of dialogsOf(content)) await openDialog(own, dialog, size);
  await own.context().close();
  const staff = await open();
  await logIn(staff, JSON.parse(process.env.AURA_STAFF));
  for (const path of STAFF) await visit(staff, path, named(path, "staff", size));
  for (const dialog of STAFF_DIALOGS) await openDialog(staff, dialog, size);
  await staff.context().close();
}

shifts.sort(([one], [other]) => other - one);
const worst = shifts.slice(0, 3).map(([shift, name]) => `${shift.toFixed(3)} ${name}`);
process.stdout.write(`${theme}: ${shifts.length} pages, largest layout shifts ${worst.join(", ")}\n`);
await browser.close();
assert(problems.length === 0, `${problems.length} problems, above`);
