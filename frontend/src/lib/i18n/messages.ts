import type { Locale } from "./locales";
import en from "./messages/en";

export type Messages = typeof en;

/** The messages of one language. Each file of a language has the same namespaces; a test compares their keys. */
export async function loadMessages(locale: Locale): Promise<Messages> {
  switch (locale) {
    case "de":
      return (await import("./messages/de")).default;
    case "fr":
      return (await import("./messages/fr")).default;
    default:
      return en;
  }
}

declare module "use-intl" {
  interface AppConfig {
    Locale: Locale;
    Messages: Messages;
  }
}
