// What opens above a page, and how. `content` names videos and links of the account.
const button = (name) => (page) => page.getByRole("button", { name, exact: true }).click();
export const DIALOG = "dialog[open], [role=menu]";
const radio = (name) => (page) => page.getByRole("radio", { name, exact: true }).click();
const press = (key) => (page) => page.keyboard.press(key);

/** [address, name of the picture, what opens it, what is then shown (DIALOG unless named), what undoes it]. */
export function dialogsOf(content) {
  const video = `/v/${content.video}`;
  return [
    ["/create", "shortcuts", press("?")],
    ["/create", "commands", press("Control+k")],
    ["/create", "account-menu", button("Account")],
    ["/create", "advanced", radio("Advanced"), 'label:has-text("Negative prompt")'],
    [video, "edit", button("Edit title and tags")],
    [video, "share", button("Share")],
    [video, "finish", button("Finish again")],
    [video, "publish", button("Publish")],
    ["/gallery", "video-above", (page) => page.locator("[data-tile]").first().click()],
    ["/gallery", "selection", (page) => page.getByRole("checkbox").first().click(), "[role=toolbar]"],
    ["/gallery", "tile-menu", (page) => page.getByRole("button", { name: /^More/ }).first().click()],
    ["/gallery", "toast", trashLast, "text=Moved to trash", button("Undo")],
    ["/settings", "passkeys-unsupported", (page) => page.getByText("This browser has no passkeys").scrollIntoViewIfNeeded(), "text=This browser has no passkeys"],
    ["/settings", "second-factor", button("Set up")],
    ["/settings", "new-key", button("New key")],
    ["/settings", "new-webhook", button("New webhook")],
    ["/settings", "change-email", button("Change email")],
    ["/settings", "delete-account", button("Delete my account")],
    [`/s/${content.share}`, "report", button("Report")],
  ];
}

export const STAFF_DIALOGS = [
  ["/admin", "invite", (page) => radio("Accounts")(page).then(() => button("Invite")(page))],
  ["/admin", "queue", radio("Queue"), "text=Oldest waits for"],
  ["/admin", "workers", radio("Workers"), "text=Replicas"],
  ["/admin", "storage", radio("Storage"), "text=Last garbage collection"],
  ["/admin", "failures", radio("Failures"), "text=Failed jobs, the last one first"],
  ["/admin", "audit", radio("Audit log"), "main table"],
  ["/moderation", "decision", button("Hide"), 'button:has-text("Confirm")'],
];

async function trashLast(page) {
  const tile = page.getByRole("article").last();
  await tile.getByRole("button", { name: /^More/ }).click();
  await page.getByRole("menuitem", { name: "Move to trash" }).click();
  await page.getByRole("button", { name: "Undo" }).waitFor();
}
