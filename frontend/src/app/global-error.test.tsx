import { expect, test } from "vitest";
import { LOCALES } from "@/lib/i18n/locales";
import { loadMessages } from "@/lib/i18n/messages";
import { TEXTS } from "./global-error";

test.each(LOCALES)("the texts are those of the messages: %s", async (locale) => {
  expect((await loadMessages(locale)).errors).toMatchObject(TEXTS[locale]);
});
