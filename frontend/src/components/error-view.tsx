"use client";
import { CloudOff, RotateCw, TriangleAlert } from "lucide-react";
import { ApiError, isOffline } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { Button } from "./button";
import { RequestId } from "./request-id";
import { StateView } from "./state-view";
import { useErrorText } from "./use-error-text";

type Props = { error: unknown; onRetry?: () => void; title?: string; heading?: "h1" | "h2" };

/** An error of a request: what happened, what to do, and the request id for the people who run the server. */
export function ErrorView({ error, onRetry, title, heading }: Props) {
  const t = useTranslations("errors");
  const common = useTranslations("common");
  const text = useErrorText();
  const requestId = error instanceof ApiError ? error.requestId : null;
  const offline = isOffline(error);
  return (
    <StateView
      role="alert"
      heading={heading}
      title={title ?? t(offline ? "offlineTitle" : "title")}
      icon={offline ? <CloudOff aria-hidden /> : <TriangleAlert aria-hidden />}
      action={
        onRetry ? (
          <Button onClick={onRetry} icon={<RotateCw aria-hidden className="size-4" />}>
            {common("retry")}
          </Button>
        ) : null
      }
    >
      <p>{text(error, !requestId)}</p>
      {requestId ? <RequestId id={requestId} /> : null}
    </StateView>
  );
}
