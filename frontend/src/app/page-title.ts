import type { Metadata } from "next";
import { loadMessages, type Messages } from "@/lib/i18n/messages";
import { requestLocale } from "./request-locale";

/** The `generateMetadata` of a page whose title is a message. */
export function pageTitle(choose: (messages: Messages) => string): () => Promise<Metadata> {
  return async () => ({ title: choose(await loadMessages(await requestLocale())) });
}
