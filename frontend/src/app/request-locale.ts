import { cookies, headers } from "next/headers";
import { LOCALE_COOKIE, isLocale, negotiate, type Locale } from "@/lib/i18n/locales";

/** The language of this request: the one that was chosen, otherwise the first one of the browser that we have. */
export async function requestLocale(): Promise<Locale> {
  const chosen = (await cookies()).get(LOCALE_COOKIE)?.value;
  return isLocale(chosen) ? chosen : negotiate((await headers()).get("accept-language"));
}
