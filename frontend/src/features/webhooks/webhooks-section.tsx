"use client";
import { useState } from "react";
import { Webhook as WebhookIcon } from "lucide-react";
import { Badge } from "@/components/chip";
import { Button } from "@/components/button";
import { ErrorView, Skeleton } from "@/components/states";
import { Section } from "@/features/settings/section";
import { useTranslations } from "@/lib/i18n";
import { useWebhooks, type Webhook } from "./api";
import { NewWebhookDialog } from "./new-webhook-dialog";
import { useEventName } from "./use-event-name";
import { WebhookDialog } from "./webhook-dialog";

export function WebhooksSection() {
  const t = useTranslations("webhooks");
  const webhooks = useWebhooks();
  const [creates, setCreates] = useState(false);
  return (
    <Section title={t("title")} lead={t("lead")}>
      {webhooks.isPending ? <Skeleton className="h-12" /> : null}
      {webhooks.isError ? <ErrorView error={webhooks.error} onRetry={() => void webhooks.refetch()} /> : null}
      {webhooks.data?.length === 0 ? <p className="text-s text-muted">{t("empty")}</p> : null}
      <ul className="grid grid-cols-[minmax(0,1fr)] gap-3">
        {webhooks.data?.map((webhook) => (
          <WebhookRow key={webhook.id} value={webhook} />
        ))}
      </ul>
      <Button className="justify-self-start" onClick={() => setCreates(true)}>
        {t("new")}
      </Button>
      {creates ? <NewWebhookDialog onClose={() => setCreates(false)} /> : null}
    </Section>
  );
}

function WebhookRow({ value: webhook }: { value: Webhook }) {
  const t = useTranslations("webhooks");
  const eventName = useEventName();
  const [open, setOpen] = useState(false);
  const tone = !webhook.enabled ? "neutral" : webhook.failures > 0 ? "danger" : "success";
  const state = !webhook.enabled ? t("off") : webhook.failures > 0 ? t("failing", { count: webhook.failures }) : t("on");
  return (
    <li className="flex items-start gap-3">
      <WebhookIcon aria-hidden className="mt-1 size-4 shrink-0 text-muted" />
      <div className="grid min-w-0 flex-1 gap-1 text-s">
        <p className="truncate" title={webhook.url}>
          {webhook.url}
        </p>
        <p className="text-muted">{webhook.events.map(eventName).join(" · ")}</p>
        <Badge tone={tone}>{state}</Badge>
      </div>
      <Button size="s" aria-label={t("openNamed", { url: webhook.url })} onClick={() => setOpen(true)}>
        {t("open")}
      </Button>
      {open ? <WebhookDialog value={webhook} onClose={() => setOpen(false)} /> : null}
    </li>
  );
}
