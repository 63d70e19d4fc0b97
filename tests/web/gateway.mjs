// The gateway is killed in mid job: the page says that the connection is lost and recovers by itself, nothing is lost, and
// the job is finished and shown. A request that was sent meanwhile is kept, and runs once.
import { readFileSync } from "node:fs";
import { assert, launch, openPage, prepareDraft, register, shoot } from "./browser.mjs";
import { FINISHED_MS, LONG, clientOf, ended } from "./client.mjs";

const PROMPT = "a red circle moving right on a blue background";
const QUEUED = "a green triangle spinning on a white background";
const UNSENT = "a yellow star moving up on a black background";
const processes = () => JSON.parse(readFileSync(process.env.AURA_PROCESSES, "utf8"));

const browser = await launch();
const page = await openPage(browser);
const account = await register(page);
const card = (prompt) => page.getByRole("region", { name: "Queue" }).getByRole("article", { name: prompt });
const cancelOf = (prompt) => card(prompt).getByRole("button", { name: "Cancel" });
const prompt = page.getByRole("textbox", { name: "Prompt" });
const generate = page.getByRole("button", { name: "Generate" });
/** The sum of what the bars of the first job show. */
const progress = () =>
  page.evaluate((name) => {
    const bars = document.querySelectorAll(`article[aria-label="${name}"] [role=progressbar]`);
    return bars.length ? [...bars].reduce((sum, bar) => sum + Number(bar.ariaValueNow), 0) : null;
  }, PROMPT);

await prepareDraft(page, PROMPT, LONG);
await generate.click();
await cancelOf(PROMPT).waitFor();
await prompt.fill(QUEUED);
await generate.click();
await cancelOf(QUEUED).waitFor();
await page.locator("[data-transport=live]").waitFor();
for (const until = Date.now() + FINISHED_MS; !((await progress()) > 0); await page.waitForTimeout(100)) {
  assert(Date.now() < until, "the job has started");
}
const before = await progress();
assert(before !== null, "the job runs");

await prompt.fill(UNSENT);
const killed = processes().gateway;
const killedAt = Date.now();
process.kill(killed, "SIGKILL");
await generate.click();
await card(UNSENT).getByText("A part of the server is down. Try again in a moment.").waitFor();
await page.locator("[data-transport=reconnecting], [data-transport=polling]").first().waitFor({ timeout: 10_000 });
const noticed = Date.now() - killedAt;
await shoot(page, "create-gateway-lost-dark-wide");
assert((await card(PROMPT).count()) + (await card(QUEUED).count()) === 2, "what is known stays on the page");
assert((await page.getByText("The queue could not be loaded").count()) === 0, "no error hides it");

await page.locator("[data-transport=live]").waitFor({ timeout: 60_000 });
const recovered = Date.now() - killedAt;
assert(processes().gateway !== killed, "another gateway process");
const after = await progress();
assert(after === null || after >= before, `progress went back from ${before} to ${after}`);

// What was not sent is still there, and is sent by one click.
await card(UNSENT).getByRole("button", { name: "Try again" }).click();
for (const name of [PROMPT, QUEUED, UNSENT]) {
  await page.getByRole("button", { name: `Play: ${name}` }).waitFor({ timeout: FINISHED_MS });
}
await page.getByRole("button", { name: `Play: ${PROMPT}` }).click();
await page.waitForFunction(() => document.querySelector("video")?.currentTime > 0.2);

const call = await clientOf(account);
const jobs = (await call("GET", "/api/jobs")).data;
const prompts = jobs.map((job) => job.spec.prompt).sort();
assert(JSON.stringify(prompts) === JSON.stringify([PROMPT, QUEUED, UNSENT].sort()), `each request ran once: ${prompts}`);
for (const { job_id } of jobs) {
  const job = await ended(call, job_id);
  assert(job.status === "succeeded" && job.attempt === 1, `the job did not notice: ${job.status} in attempt ${job.attempt}`);
}
assert((await call("GET", "/api/videos")).data.length === 3, "each video is there once");
assert(page.crashes.length === 0, `exceptions: ${page.crashes}`);
process.stdout.write(`gateway killed: shown after ${noticed} ms, live again after ${recovered} ms\n`);
await browser.close();
