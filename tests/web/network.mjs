// Mid job: the WebSocket is blocked (event stream), streams too (polling), the network is cut, the token is refused.
import { assert, launch, openPage, prepareDraft, register } from "./browser.mjs";

const PROMPT = "a green triangle spinning on a white background";
const browser = await launch();

async function start(page, settings = {}) {
  await register(page);
  await prepareDraft(page, PROMPT, settings);
  await page.getByRole("button", { name: "Generate" }).click();
  await page.getByRole("article", { name: PROMPT }).waitFor();
}

const done = (page) => page.getByRole("button", { name: `Play: ${PROMPT}` }).waitFor({ timeout: 120_000 });
const LONG = { width: 128, height: 128, num_inference_steps: 40 };

// A network that blocks WebSockets.
const streamed = await openPage(browser);
await streamed.routeWebSocket(/\/api\/ws/, (socket) => socket.close());
await start(streamed, LONG);
await streamed.locator("[data-transport=sse]").waitFor({ timeout: 20_000 });
await done(streamed);

// One that blocks event streams too.
const polled = await openPage(browser);
await polled.routeWebSocket(/\/api\/ws/, (socket) => socket.close());
await polled.route("**/events", (route) => route.abort());
await start(polled, LONG);
await polled.locator("[data-transport=polling]").waitFor({ timeout: 20_000 });
await done(polled);

// A lost connection: the page shows it, the job goes on, and the page catches up.
const cut = await openPage(browser);
await start(cut, LONG);
await cut.locator("[data-transport=live]").waitFor();
await cut.context().setOffline(true);
await cut.locator("[data-transport=offline]").waitFor();
await cut.context().setOffline(false);
await cut.locator("[data-transport=live]").waitFor({ timeout: 30_000 });
await done(cut);

// Without a network a new request stays as a card, and is sent once by "Try again".
await cut.context().setOffline(true);
await cut.getByRole("button", { name: "Generate" }).click();
const unsent = cut.getByRole("region", { name: "Queue" }).getByRole("article", { name: PROMPT });
await unsent.getByRole("button", { name: "Try again" }).waitFor();
await cut.context().setOffline(false);
await unsent.getByRole("button", { name: "Try again" }).click();
await unsent.getByRole("button", { name: "Cancel" }).click();
await cut.getByText("Canceled").first().waitFor();

// A token that is refused is replaced without a word.
const expired = await openPage(browser);
let refusals = 0;
await register(expired);
await expired.route("**/api/generate", async (route) => {
  refusals += 1;
  if (refusals === 1) await route.fulfill({ status: 401, contentType: "application/problem+json", body: '{"code":"unauthenticated"}' });
  else await route.continue();
});
await expired.getByRole("textbox", { name: "Prompt" }).fill(PROMPT);
await expired.getByRole("button", { name: "Generate" }).click();
await expired.getByRole("article", { name: PROMPT }).getByRole("button", { name: "Cancel" }).waitFor();
assert(refusals === 2, `the request was sent again with another token: ${refusals}`);
await browser.close();
