"use client";
import { TriangleAlert } from "lucide-react";
import { Button } from "@/components/button";
import { RequestId } from "@/components/request-id";
import { StateView } from "@/components/state-view";
import { useTranslations } from "@/lib/i18n";

type Props = { error: Error & { digest?: string }; retry: () => void };

/** A page that could not be made (by the web server, which gives such an error a digest), or that broke in the browser. */
export default function PageError({ error, retry }: Props) {
  const t = useTranslations("errors");
  const common = useTranslations("common");
  return (
    <div className="mx-auto w-full max-w-3xl px-4 py-16">
      <StateView
        role="alert"
        heading="h1"
        title={t("title")}
        icon={<TriangleAlert aria-hidden />}
        action={<Button onClick={retry}>{error.digest ? common("retry") : t("reload")}</Button>}
      >
        <p>{t(error.digest ? "unavailable" : "pageCrashed")}</p>
        {error.digest ? <RequestId id={error.digest} /> : null}
      </StateView>
    </div>
  );
}
