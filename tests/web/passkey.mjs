// A passkey in the browser: added in the settings, used to log in instead of the password, refused after its removal. The
// authenticator is chromium's virtual one. Passkeys need a host name: localhost counts as secure without TLS.
import { assert, launch, openPage, register } from "./browser.mjs";
import { axe } from "./measures.mjs";

const NUMERIC = process.env.AURA_WEB;
const LOCAL = new URL(NUMERIC);
LOCAL.hostname = "localhost";
const base = LOCAL.origin;
process.env.AURA_WEB = base;

const browser = await launch();
const page = await openPage(browser);
const devTools = await page.context().newCDPSession(page);
await devTools.send("WebAuthn.enable");
const { authenticatorId } = await devTools.send("WebAuthn.addVirtualAuthenticator", {
  options: {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  },
});
const credentials = async () => (await devTools.send("WebAuthn.getCredentials", { authenticatorId })).credentials;

const account = await register(page);
await page.goto(`${base}/settings`);
const section = page.getByRole("region", { name: "Passkeys" });

async function add(name) {
  await section.getByRole("button", { name: "Add a passkey" }).click();
  const dialog = page.getByRole("dialog", { name: "Add a passkey" });
  await dialog.getByRole("textbox", { name: "Name of the passkey" }).fill(name);
  await dialog.getByRole("textbox", { name: "Current password" }).fill(account.password);
  await dialog.getByRole("button", { name: "Add a passkey" }).click();
  return dialog;
}

// A device that does not verify its user is refused, and the dialog says what to do.
await devTools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
const refused = await add("Borrowed");
await refused.getByText("No passkey was added").waitFor();
assert((await credentials()).length === 0, "no credential without user verification");
await page.keyboard.press("Escape");
await devTools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });

await add("Laptop");
await page.getByText("Passkey added").waitFor();
await section.getByRole("listitem").filter({ hasText: "Laptop" }).getByText("never used").waitFor();
const [credential, ...others] = await credentials();
assert(others.length === 0 && credential.isResidentCredential && credential.rpId === "localhost", `one credential of this host: ${JSON.stringify(credential)}`);
const known = await add("Laptop again");
await known.getByText("This device has a passkey of your account already").waitFor();
await page.keyboard.press("Escape");
let broken = await axe(page);
assert(broken.length === 0, `the settings: ${broken}`);

async function logOut() {
  await page.getByRole("button", { name: "Account", exact: true }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await page.getByRole("link", { name: "Log in" }).first().waitFor();
}

async function usePasskey(next = "") {
  await page.goto(`${base}/login${next}`);
  await page.getByRole("button", { name: "Log in with a passkey" }).click();
}

// Without a name and a password, and back to the page that asked for it.
await logOut();
await page.goto(`${base}/login`);
broken = await axe(page);
assert(broken.length === 0, `the log-in: ${broken}`);
await usePasskey("?next=%2Fsettings");
await page.waitForURL(`${base}/settings`);
await page.getByText(account.email).first().waitFor();
await section.getByRole("listitem").filter({ hasText: "Laptop" }).getByText("used").waitFor();
assert((await credentials())[0].signCount > credential.signCount, "the passkey signed");
assert(page.errors.length === 0, `console: ${page.errors}`);

// After its removal it no longer opens the account.
await section.getByRole("button", { name: "Remove Laptop" }).click();
const dialog = page.getByRole("dialog", { name: "Remove Laptop" });
await dialog.getByRole("textbox", { name: "Current password" }).fill(account.password);
await dialog.getByRole("button", { name: "Remove" }).click();
await page.getByText("Passkey removed").waitFor();
await section.getByText("You have no passkeys").waitFor();
await logOut();
await usePasskey();
await page.getByRole("alert").filter({ hasText: "This passkey is not known here" }).waitFor();
assert(page.url().startsWith(`${base}/login`), "still signed out");

// At an address there are none: the page says so, and the log-in does not offer them.
process.env.AURA_WEB = NUMERIC;
const numeric = await openPage(browser);
await register(numeric);
await numeric.goto(`${NUMERIC}/settings`);
await numeric.getByText("This browser has no passkeys at this address").waitFor();
assert((await numeric.getByRole("button", { name: "Add a passkey" }).count()) === 0, "no button that cannot work");
await browser.close();
