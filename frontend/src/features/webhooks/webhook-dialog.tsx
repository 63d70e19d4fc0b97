"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Badge } from "@/components/chip";
import { Button } from "@/components/button";
import { CopyField } from "@/components/copy-field";
import { Dialog } from "@/components/dialog";
import { ErrorView, Skeleton, useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { WEBHOOKS, deleteWebhook, enableWebhook, redeliver, rotateSecret, testWebhook, useDeliveries, type Delivery, type Webhook } from "./api";
import { useEventName } from "./use-event-name";

const TONES = { pending: "neutral", delivered: "success", failed: "danger" } as const;

/** What can be done with a webhook, and its last messages. */
export function WebhookDialog({ value: webhook, onClose }: { value: Webhook; onClose: () => void }) {
  const t = useTranslations("webhooks");
  const deliveries = useDeliveries(webhook.id);
  const test = useAction(() => testWebhook(webhook.id), t("tested"));
  const enable = useAction(() => enableWebhook(webhook.id, !webhook.enabled));
  const remove = useAction(() => deleteWebhook(webhook.id), t("deleted"), onClose);
  const rotate = useAction(() => rotateSecret(webhook.id));
  return (
    <Dialog title={t("title")} onClose={onClose}>
      <p className="text-s break-all text-muted">{webhook.url}</p>
      {rotate.data ? <CopyField label={t("secret")} help={t("rotated")} value={rotate.data.secret} /> : null}
      <div className="flex flex-wrap gap-2">
        <Button size="s" busy={test.isPending} disabled={!webhook.enabled} onClick={() => test.mutate()}>
          {t("test")}
        </Button>
        <Button size="s" busy={rotate.isPending} onClick={() => rotate.mutate()}>
          {t("rotate")}
        </Button>
        <Button size="s" busy={enable.isPending} onClick={() => enable.mutate()}>
          {webhook.enabled ? t("disable") : t("enable")}
        </Button>
        <Button size="s" kind="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
          {t("delete")}
        </Button>
      </div>
      <h3 className="text-s font-medium">{t("deliveries")}</h3>
      {deliveries.isPending ? <Skeleton className="h-12" /> : null}
      {deliveries.isError ? <ErrorView error={deliveries.error} onRetry={() => void deliveries.refetch()} /> : null}
      {deliveries.data?.length === 0 ? <p className="text-s text-muted">{t("noDeliveries")}</p> : null}
      <ul className="grid gap-2">
        {deliveries.data?.map((delivery) => (
          <DeliveryRow key={delivery.id} value={delivery} />
        ))}
      </ul>
    </Dialog>
  );
}

function DeliveryRow({ value: delivery }: { value: Delivery }) {
  const t = useTranslations("webhooks");
  const format = useFormatter();
  const again = useAction(() => redeliver(delivery.webhook_id, delivery.id), t("redelivered"));
  const type = useEventName()(delivery.type);
  const outcome = delivery.response_status ?? delivery.error;
  return (
    <li className="flex items-center gap-3 text-s">
      <Badge tone={TONES[delivery.state]}>{t(`states.${delivery.state}`)}</Badge>
      <span className="min-w-0 flex-1 truncate" title={delivery.error ?? undefined}>
        {type} · {format.relativeTime(new Date(delivery.created_at), new Date())}
        {outcome ? ` · ${outcome}` : null}
      </span>
      <Button size="s" busy={again.isPending} aria-label={t("redeliverNamed", { type })} onClick={() => again.mutate()}>
        {t("redeliver")}
      </Button>
    </li>
  );
}

/** A request whose success is a message, and whose failure is one too. */
function useAction<T>(request: () => Promise<T>, done?: string, after?: () => void) {
  const errorText = useErrorText();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: request,
    onSuccess: () => {
      if (done) toast(done);
      after?.();
      return queries.invalidateQueries({ queryKey: WEBHOOKS });
    },
    onError: (error) => toast(errorText(error), { tone: "danger" }),
  });
}
