"use client";
import { DEFAULT_LOCALE, negotiate, type Locale } from "@/lib/i18n/locales";
import "./globals.css";

/** The texts of `errors`, here once more: the layout that broke is the one that provides the messages. */
export const TEXTS: Record<Locale, { title: string; pageCrashed: string; reload: string }> = {
  en: { title: "That did not work", pageCrashed: "This page stopped working. Your jobs and videos are not affected.", reload: "Reload the page" },
  de: { title: "Das hat nicht geklappt", pageCrashed: "Diese Seite funktioniert nicht mehr. Aufträge und Videos sind nicht betroffen.", reload: "Seite neu laden" },
  fr: { title: "Cela n’a pas fonctionné", pageCrashed: "Cette page ne fonctionne plus. Vos vidéos ne sont pas touchées.", reload: "Recharger la page" },
};

/** Shown instead of every page if the layout itself cannot be rendered. */
export default function GlobalError() {
  const locale = typeof navigator === "undefined" ? DEFAULT_LOCALE : negotiate(navigator.languages.join(","));
  const text = TEXTS[locale];
  return (
    <html lang={locale} data-theme="dark">
      <body>
        <title>{text.title}</title>
        <main role="alert" className="mx-auto grid min-h-svh max-w-prose content-center justify-items-start gap-4 px-4">
          <h1 className="text-l font-semibold">{text.title}</h1>
          <p className="text-muted">{text.pageCrashed}</p>
          <button type="button" onClick={() => location.reload()} className="h-10 rounded-s primary-fill px-4 font-medium text-on-primary">
            {text.reload}
          </button>
        </main>
      </body>
    </html>
  );
}
