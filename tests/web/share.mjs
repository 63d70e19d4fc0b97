// From the registration to the moderation, as one account: generate, watch the progress, play, find in the gallery, finish as
// WebM, share a link with a password and one without, publish; a visitor opens and reports it, a moderator decides.
import { assert, axe, launch, logIn, openPage, register, shoot } from "./browser.mjs";

const PROMPT = "a yellow star moving up on a black background";
// The sections of the administration, and what each shows.
const ADMIN = {
  Queue: "Ended jobs per hour, the last 24 hours",
  Workers: "generate 1",
  Storage: "Last garbage collection",
  Failures: "Failed jobs, the last one first",
};
const PASSWORD = "open sesame please";
const base = process.env.AURA_WEB;
const browser = await launch();
const page = await openPage(browser);
await register(page);
await page.getByRole("textbox", { name: "Prompt" }).fill(PROMPT);
await page.getByRole("button", { name: "Generate" }).click();
const card = page.getByRole("region", { name: "Queue" }).getByRole("article", { name: PROMPT });
assert((await card.getByRole("progressbar").count()) === 5, "a progress bar per stage");
await card.getByText(/Step \d+ of \d+/).waitFor({ timeout: 60_000 });
await page.getByRole("button", { name: `Play: ${PROMPT}` }).click({ timeout: 150_000 });
await page.waitForFunction(() => document.querySelector("video")?.currentTime > 0.2);

await page.getByRole("link", { name: "Gallery" }).first().click();
await page.waitForURL("**/gallery");
await page.getByRole("searchbox", { name: "Search titles and prompts" }).fill("yellow star");
await page.getByRole("article", { name: PROMPT }).getByRole("link").click();
await page.waitForURL("**/v/*");
await page.getByRole("button", { name: "Finish again" }).click();
const finish = page.getByRole("dialog", { name: "Finish again" });
await finish.getByText("WEBM").click();
await finish.getByRole("button", { name: "Finish", exact: true }).click();
await page.waitForURL("**/queue");
await page.waitForFunction(() => document.querySelectorAll('button[aria-label^="Play"]').length === 2, undefined, { timeout: 120_000 });
await page.goto(`${base}/gallery?format=webm`);
await page.getByRole("article", { name: PROMPT }).getByRole("link").click();
await page.waitForURL("**/v/*");
// Not the option of the gallery's filter, which is behind the dialog.
await page.getByText("WEBM", { exact: true }).filter({ visible: true }).first().waitFor();

async function share(password) {
  await page.getByRole("button", { name: "Share" }).click();
  const dialog = page.getByRole("dialog", { name: "Share a link" });
  if (password) await dialog.getByRole("textbox", { name: "Password" }).fill(password);
  await dialog.getByRole("switch", { name: "Visitors see the prompt" }).check();
  await dialog.getByRole("button", { name: "Create link" }).click();
  const link = await dialog.getByRole("textbox", { name: "Link" }).inputValue();
  assert(link.startsWith(`${base}/s/`), `a link of this site: ${link}`);
  await page.keyboard.press("Escape");
  return link;
}
const closed = await share(PASSWORD);
const open = await share("");

// What a chat shows of the link, without scripts.
const html = await (await fetch(open)).text();
for (const tag of ['property="og:title"', 'property="og:image"', 'property="og:video"', 'name="twitter:card"', 'name="robots" content="noindex']) {
  assert(html.includes(tag), `${tag} is missing`);
}
const image = /property="og:image" content="([^"]+)"/.exec(html)[1].replaceAll("&amp;", "&");
assert((await fetch(image)).headers.get("content-type").startsWith("image/"), `the picture loads: ${image}`);
assert(!(await (await fetch(closed)).text()).includes("og:image"), "nothing of a video with a password");

// A time zone in which the date differs for half of the day: what the server renders must fit it.
const visitor = await openPage(browser, { timezoneId: "Pacific/Kiritimati" });
await visitor.goto(closed);
await visitor.getByRole("textbox", { name: "Password" }).fill("not the password");
await visitor.getByRole("button", { name: "Watch" }).click();
await visitor.getByRole("alert").filter({ hasText: "wrong" }).waitFor();
await shoot(visitor, "share-password-dark-wide");
await visitor.getByRole("textbox", { name: "Password" }).fill(PASSWORD);
await visitor.getByRole("button", { name: "Watch" }).click();
await visitor.waitForFunction(() => document.querySelector("video")?.currentTime > 0.2);
visitor.errors.length = 0; // The refused password.

await visitor.goto(open);
await visitor.getByRole("heading", { name: PROMPT }).waitFor();
await visitor.waitForFunction(() => document.querySelector("video")?.currentTime > 0.2);
// Seeking: the file is read in ranges.
const ranges = await visitor.evaluate(async () => {
  const player = document.querySelector("video");
  player.pause();
  player.currentTime = player.duration / 2;
  await new Promise((resolve) => player.addEventListener("seeked", resolve, { once: true }));
  const part = await fetch(player.currentSrc, { headers: { range: "bytes=10-19" } });
  return { at: player.currentTime / player.duration, status: part.status, bytes: (await part.arrayBuffer()).byteLength, poster: player.poster };
});
assert(Math.abs(ranges.at - 0.5) < 0.1 && ranges.status === 206 && ranges.bytes === 10, `seeking: ${JSON.stringify(ranges)}`);
assert(ranges.poster.includes("/api/files/"), "the poster");
await shoot(visitor, "shared-dark-wide");
let broken = await axe(visitor);
assert(broken.length === 0, `the shared page: ${broken}`);

// In the public gallery: on the landing page, with a page of its own.
await page.getByRole("button", { name: "Publish" }).click();
await page.getByRole("dialog", { name: /Publish in/ }).getByRole("switch").check();
await page.getByRole("dialog", { name: /Publish in/ }).getByRole("button", { name: "Publish" }).click();
await page.getByRole("button", { name: "Make private" }).waitFor();
await visitor.goto(base);
// It is loaded when its place comes near the screen.
await visitor.mouse.wheel(0, 2000);
await visitor.getByRole("region", { name: "Made here" }).getByRole("link", { name: PROMPT }).click();
await visitor.waitForURL("**/gallery/*");
await visitor.waitForFunction(() => document.querySelector("video")?.currentTime > 0.2);
await shoot(visitor, "public-video-dark-wide");

await visitor.goto(open);
await visitor.getByRole("button", { name: "Report" }).click();
await visitor.getByRole("radio", { name: "Violence or threats" }).check();
await visitor.getByRole("textbox", { name: "Details" }).fill("It falls <b>down</b>.");
await shoot(visitor, "report-dark-wide");
broken = await axe(visitor);
assert(broken.length === 0, `the report: ${broken}`);
await visitor.getByRole("button", { name: "Send report" }).click();
await visitor.getByText("Your report was received.").waitFor();
assert(visitor.errors.length === 0, `console of the visitor: ${visitor.errors}`);

// Two clicks: what, and that it is so. Reason and statement are filled in.
const moderator = await openPage(browser);
await logIn(moderator, JSON.parse(process.env.AURA_STAFF));
await moderator.goto(`${base}/moderation`);
await moderator.getByRole("region", { name: "Reports" }).getByRole("button", { name: /It falls/ }).click();
await moderator.getByRole("article", { name: `Reported video: ${PROMPT}` }).waitFor();
assert((await moderator.locator("video").count()) === 0, "covered until it is asked for");
await moderator.getByRole("button", { name: "Show the video" }).click();
await moderator.locator("video").waitFor();
await moderator.getByRole("button", { name: "Hide" }).click();
await shoot(moderator, "moderation-dark-wide");
broken = await axe(moderator);
assert(broken.length === 0, `the moderation: ${broken}`);
await moderator.getByRole("button", { name: "Confirm: Hide" }).click();
await moderator.getByText("Decided").waitFor();
await moderator.goto(`${base}/admin`);
for (const [section, shown] of Object.entries(ADMIN)) {
  await moderator.getByRole("radio", { name: section }).check();
  await moderator.getByText(shown).first().waitFor();
  broken = await axe(moderator);
  assert(broken.length === 0, `${section} of the administration: ${broken}`);
  await shoot(moderator, `admin-${section.toLowerCase()}-dark-wide`, { fullPage: true });
}
await moderator.getByText("Audit log").click();
await moderator.getByRole("cell", { name: "video_hidden", exact: true }).first().waitFor();
assert(moderator.errors.length === 0, `console of the moderator: ${moderator.errors}`);

await visitor.goto(open);
await visitor.getByText("This video is not here any more").waitFor();
await page.reload();
await page.getByText("Hidden by moderation").waitFor();
await page.getByText("Reason: Violence or threats").waitFor();
await browser.close();
