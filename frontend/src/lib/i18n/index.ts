export { LOCALES, type Locale } from "./locales";
export { useFormatter, useLocale, useTranslations } from "use-intl";
