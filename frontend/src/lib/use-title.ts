import { useEffect } from "react";
import { useTranslations } from "@/lib/i18n";

/** Names the tab after what the page shows, as soon as that is known; null leaves the title of the page. */
export function useTitle(title: string | null): void {
  const appName = useTranslations("common")("appName");
  useEffect(() => {
    if (title) document.title = `${title} · ${appName}`;
  }, [title, appName]);
}
