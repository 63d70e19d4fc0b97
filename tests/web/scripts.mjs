// The budget of scripts of the landing page.
import { gzipSync } from "node:zlib";
import { assert, launch, openPage } from "./browser.mjs";

const MAX_BYTES = 180_000;
const browser = await launch();
const page = await openPage(browser);
const sizes = [];
page.on("response", async (response) => {
  if (response.request().resourceType() === "script") sizes.push(gzipSync(await response.body()).length);
});
await page.goto(process.env.AURA_WEB);
await page.waitForTimeout(3000);
const bytes = sizes.reduce((sum, size) => sum + size, 0);
process.stdout.write(`scripts of the landing page: ${Math.round(bytes / 1000)} kB compressed in ${sizes.length} files\n`);
assert(bytes <= MAX_BYTES, `the landing page loads ${bytes} bytes of script`);
await browser.close();
