"use client";
import { useState, type ReactNode } from "react";
import { Check, Copy, RotateCw } from "lucide-react";
import { ApiError, isOffline } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { Button } from "./button";

/** A grey place of the final size, so that nothing shifts when the content arrives. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cx("animate-breathe rounded-s bg-raised", className)} />;
}

type StateProps = {
  title: string;
  /** Where it is all that a page has. */
  heading?: "h1" | "h2";
  children?: ReactNode;
  icon?: ReactNode;
  action?: ReactNode;
  role?: "alert";
};

/** A page or a list without content: what is the case, and what can be done. */
export function StateView({ title, heading, children, icon, action, role }: StateProps) {
  const Title = heading ?? "p";
  return (
    <div role={role} className="grid justify-items-start gap-3 rounded-l border border-dashed border-border p-6 sm:p-8">
      {icon ? <span className="text-muted [&_svg]:size-6">{icon}</span> : null}
      <Title className="text-l font-medium">{title}</Title>
      {children ? <div className="max-w-prose text-muted">{children}</div> : null}
      {action}
    </div>
  );
}

/** The words for an error of a request. */
export function useErrorText(): (error: unknown) => string {
  const t = useTranslations("errors");
  return (error) => {
    if (isOffline(error)) return t("offline");
    if (!(error instanceof ApiError)) return t("unknown");
    const code = error.code as "unknown";
    const text = t.has(code) ? t(code) : (error.detail ?? error.title) || t("unknown");
    return error.retryAfterSeconds ? `${text} ${t("retryAfter", { seconds: error.retryAfterSeconds })}` : text;
  };
}

/** An error: what happened, what to do, and the request id for the people who run the server. */
export function ErrorView({ error, onRetry, title }: { error: unknown; onRetry?: () => void; title?: string }) {
  const t = useTranslations("errors");
  const common = useTranslations("common");
  const text = useErrorText();
  const requestId = error instanceof ApiError ? error.requestId : null;
  return (
    <StateView
      role="alert"
      title={title ?? t("title")}
      action={
        onRetry ? (
          <Button onClick={onRetry} icon={<RotateCw aria-hidden className="size-4" />}>
            {common("retry")}
          </Button>
        ) : null
      }
    >
      <p>{text(error)}</p>
      {requestId ? <RequestId id={requestId} /> : null}
    </StateView>
  );
}

function RequestId({ id }: { id: string }) {
  const t = useTranslations("errors");
  const [copied, setCopied] = useState(false);
  return (
    <p className="mt-2 flex flex-wrap items-center gap-2 text-s">
      <span>{t("requestId")}</span>
      <code className="rounded-s bg-raised px-1.5 py-0.5 break-all">{id}</code>
      <Button size="s" kind="quiet" aria-label={t("copyRequestId")} onClick={() => void navigator.clipboard.writeText(id).then(() => setCopied(true))}>
        {copied ? <Check aria-hidden className="size-4" /> : <Copy aria-hidden className="size-4" />}
      </Button>
    </p>
  );
}
