/** The requests about webhooks. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap, type Schemas } from "@/lib/api/client";

export type Webhook = Schemas["WebhookView"];
export type Delivery = Schemas["DeliveryView"];
export type WebhookEvent = Webhook["events"][number];
export const EVENTS = ["job.succeeded", "job.failed", "job.canceled", "video.hidden", "video.rejected", "video.restored"] as const satisfies WebhookEvent[];
export const WEBHOOKS = ["webhooks"];
const SHOWN_DELIVERIES = 10;

export function useWebhooks() {
  return useQuery({ queryKey: WEBHOOKS, queryFn: () => unwrap(api.GET("/api/webhooks")).then((list) => list.data) });
}

export function useDeliveries(webhook_id: string) {
  const params = { path: { webhook_id }, query: { limit: SHOWN_DELIVERIES } };
  return useQuery({
    queryKey: [...WEBHOOKS, webhook_id],
    queryFn: () => unwrap(api.GET("/api/webhooks/{webhook_id}/deliveries", { params })).then((list) => list.data),
  });
}

export const createWebhook = (body: Schemas["NewWebhook"]) => unwrap(api.POST("/api/webhooks", { body }));

const path = (webhook_id: string) => ({ params: { path: { webhook_id } } });

export const enableWebhook = (id: string, enabled: boolean) => unwrap(api.PATCH("/api/webhooks/{webhook_id}", { ...path(id), body: { enabled } }));

export const deleteWebhook = (id: string) => unwrap(api.DELETE("/api/webhooks/{webhook_id}", path(id)));

export const testWebhook = (id: string) => unwrap(api.POST("/api/webhooks/{webhook_id}/test", path(id)));

export const rotateSecret = (id: string) => unwrap(api.POST("/api/webhooks/{webhook_id}/rotate-secret", path(id)));

export const redeliver = (webhook_id: string, delivery_id: string) =>
  unwrap(api.POST("/api/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver", { params: { path: { webhook_id, delivery_id } } }));
