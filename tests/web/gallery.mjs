// A finished video: find it in the gallery, name it, finish it as WebM, compare both, select, trash and undo; the keyboard.
import { assert, launch, openPage, register, shoot } from "./browser.mjs";

const PROMPT = "a blue square bouncing on a white background";
const HOSTILE = '<img src=x onerror="document.title=1"> Square';
const base = process.env.AURA_WEB;
const browser = await launch();
const page = await openPage(browser);
await register(page);

await page.goto(`${base}/gallery`);
await page.getByText("No videos yet").waitFor();
await shoot(page, "gallery-empty-dark-wide");
const starter = page.getByRole("list", { name: "Prompts to start with" }).getByRole("link").first();
const started = await starter.innerText();
await starter.click();
await page.waitForURL("**/create");
assert((await page.getByRole("textbox", { name: "Prompt" }).inputValue()) === started, "a prompt of the empty gallery starts the composer");
await page.getByRole("textbox", { name: "Prompt" }).fill("a square");
await page.getByRole("switch", { name: "Show the final prompt" }).check();
await page.getByText("With prompt help, the model would get").waitFor();
assert((await page.locator("ins").first().innerText()).trim() === "red", "what the help adds is marked");
await page.getByRole("switch", { name: "Show the final prompt" }).uncheck();
await page.getByRole("textbox", { name: "Prompt" }).fill(PROMPT);
await page.getByRole("button", { name: "Generate" }).click();
await page.getByRole("button", { name: `Play: ${PROMPT}` }).waitFor({ timeout: 150_000 });

// The preview plays while the tile is pointed at, and stops after.
await page.getByRole("link", { name: "Gallery" }).first().click();
await page.waitForURL("**/gallery");
const tile = page.getByRole("article", { name: PROMPT });
await tile.getByRole("link").hover();
await tile.locator("[data-moving]").waitFor();
await page.mouse.move(0, 0);
await tile.locator("[data-moving]").waitFor({ state: "detached" });
await tile.hover();
await tile.getByRole("button", { name: "Favourite", exact: true }).click();
await page.getByRole("radio", { name: "Favourites" }).check();
await page.waitForURL("**/gallery?show=favourites");
await tile.getByRole("button", { name: "Remove from favourites" }).waitFor();
await page.getByRole("searchbox", { name: "Search titles and prompts" }).fill("nothing like this");
await page.getByText("Nothing matches").waitFor();
await page.getByRole("searchbox", { name: "Search titles and prompts" }).fill("bouncing");
await page.waitForURL("**/gallery?q=bouncing**");
await page.getByRole("combobox", { name: "Date" }).selectOption("week");
await page.waitForURL("**/gallery?**from=*");
await page.reload();
await tile.waitFor();
assert((await page.getByRole("combobox", { name: "Date" }).inputValue()) === "week", "the period survives a reload");

// Over the gallery with an address of its own; a title that looks like markup stays text.
await tile.getByRole("link").click();
await page.waitForURL("**/v/*");
const overlay = page.getByRole("dialog", { name: PROMPT });
await overlay.getByLabel(`Video: ${PROMPT}`).waitFor();
await page.waitForFunction(() => document.querySelector("dialog video")?.currentTime > 0.2);
await shoot(page, "video-dark-wide");
await page.getByRole("button", { name: "Edit title and tags" }).click();
await page.getByRole("textbox", { name: "Title" }).fill(HOSTILE);
await page.getByRole("textbox", { name: "Tags" }).fill("Square, #shapes");
await page.getByRole("button", { name: "Save" }).click();
await page.getByRole("heading", { name: HOSTILE }).waitFor();
await page.getByRole("link", { name: "shapes" }).waitFor();
assert((await page.locator("img[src=x]").count()) === 0, "a title stays text");
await page.keyboard.press("Escape");
await page.waitForURL("**/gallery?**");
await page.getByRole("article", { name: HOSTILE }).waitFor();

// Its address works by itself. Finished again as WebM.
await page.getByRole("article", { name: HOSTILE }).getByRole("link").click();
await page.waitForURL("**/v/*");
await page.reload();
await page.getByRole("heading", { name: HOSTILE, level: 1 }).waitFor();

// A frame of it begins the next video, with a model that takes one.
await page.getByRole("button", { name: "Use this frame" }).click();
await page.waitForURL("**/create");
await page.getByRole("combobox", { name: "Model" }).selectOption("ltx-video");
await page.getByText(/From your video, at/).waitFor();
await shoot(page, "frame-dark-wide");
await page.getByRole("button", { name: "Remove the image" }).click();
await page.getByRole("combobox", { name: "Model" }).selectOption("tiny");
await page.getByRole("radio", { name: "Simple" }).click();
await page.goBack();
await page.getByRole("heading", { name: HOSTILE, level: 1 }).waitFor();
await page.getByRole("button", { name: "Finish again" }).click();
await page.getByRole("dialog").getByText("WEBM").click();
await page.getByRole("dialog").getByRole("button", { name: "Finish", exact: true }).click();
await page.waitForURL("**/queue");
await page.waitForFunction(() => document.querySelectorAll('button[aria-label^="Play"]').length === 2, undefined, { timeout: 120_000 });

// Both: chosen, tagged, compared with one scrubber.
await page.goto(`${base}/gallery`);
await page.getByRole("article").nth(1).waitFor();
const boxes = page.getByRole("checkbox");
await boxes.nth(0).click();
await boxes.nth(1).click({ modifiers: ["Shift"] });
const selection = page.getByRole("toolbar", { name: "Selection" });
await selection.getByText("2 selected").waitFor();
await selection.getByRole("button", { name: "Compare" }).click();
await page.waitForURL("**/compare?ids=*");
await page.getByRole("slider", { name: "Position" }).fill("1");
await page.waitForFunction(() => [...document.querySelectorAll("video")].length === 2 && [...document.querySelectorAll("video")].every((video) => Math.abs(video.currentTime - 1) < 0.1));
await page.getByRole("button", { name: "Play all" }).click();
await page.waitForFunction(() => [...document.querySelectorAll("video")].every((video) => video.currentTime > 1.2));
// Round again, all of them; and when they are stopped, all are at the same place.
await page.waitForFunction(() => [...document.querySelectorAll("video")].every((video) => video.currentTime < 1));
await page.getByRole("button", { name: "Pause all" }).click();
await page.waitForFunction(() => {
  const times = [...document.querySelectorAll("video")].map((video) => video.currentTime);
  return Math.max(...times) - Math.min(...times) < 0.1;
});
await page.getByRole("button", { name: "Play all" }).click();
await shoot(page, "compare-dark-wide");

// All to the trash, and back with Undo.
await page.goto(`${base}/gallery?format=webm`);
await page.getByRole("article").first().waitFor();
assert((await page.getByRole("article").count()) === 1, "the filter of the address");
await page.goto(`${base}/gallery`);
await page.getByRole("article").nth(1).waitFor();
await boxes.nth(0).click();
await selection.getByRole("button", { name: "Select all shown" }).click();
await selection.getByRole("button", { name: "Move to trash" }).click();
await page.getByText("No videos yet").waitFor();
await page.getByRole("button", { name: "Undo" }).click();
await page.getByRole("article").nth(1).waitFor();

// The keyboard: arrows move, the dot marks, R takes the settings over.
const focused = () => page.evaluate(() => document.activeElement?.closest("li")?.dataset.index);
await page.locator("[data-tile]").first().focus();
await page.keyboard.press("ArrowRight");
await page.waitForFunction(() => document.activeElement?.closest("li")?.dataset.index === "1");
assert((await focused()) === "1", "an arrow moves to the next tile");
const before = await page.getByRole("button", { name: "Remove from favourites" }).count();
await page.keyboard.press(".");
await page.waitForFunction((count) => document.querySelectorAll('[aria-label="Remove from favourites"]').length !== count, before);
await page.keyboard.press("r");
await page.waitForURL("**/create");
assert((await page.getByRole("textbox", { name: "Prompt" }).inputValue()) === PROMPT, "the prompt is taken over");

// The commands find places and search the gallery.
await page.keyboard.press("Control+k");
await page.getByRole("combobox", { name: "Search for a page or an action" }).fill("square");
await page.keyboard.press("Enter");
await page.waitForURL("**/gallery?q=square");
assert(page.errors.length === 0, `console: ${page.errors}`);
await browser.close();
