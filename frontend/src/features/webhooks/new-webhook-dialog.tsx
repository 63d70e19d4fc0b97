"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { CopyField } from "@/components/copy-field";
import { Dialog } from "@/components/dialog";
import { TextField } from "@/components/field";
import { useErrorText } from "@/components/states";
import { ApiError } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { EVENTS, WEBHOOKS, createWebhook, type WebhookEvent } from "./api";
import { useEventName } from "./use-event-name";

const USUAL_EVENTS: WebhookEvent[] = ["job.succeeded", "job.failed"];

/** Makes a webhook, and shows its secret once. */
export function NewWebhookDialog({ onClose }: { onClose: () => void }) {
  const t = useTranslations("webhooks");
  const common = useTranslations("common");
  const errorText = useErrorText();
  const eventName = useEventName();
  const queries = useQueryClient();
  const [url, setUrl] = useState("");
  const [events, setEvents] = useState<WebhookEvent[]>(USUAL_EVENTS);
  const create = useMutation({
    mutationFn: () => createWebhook({ url, events, description: "" }),
    onSuccess: () => queries.invalidateQueries({ queryKey: WEBHOOKS }),
  });
  const toggle = (event: WebhookEvent, on: boolean) => setEvents(EVENTS.filter((one) => (one === event ? on : events.includes(one))));
  const wrongUrl = create.error instanceof ApiError && create.error.field("url") ? errorText(create.error) : null;
  if (create.data) {
    return (
      <Dialog title={t("new")} onClose={onClose}>
        <CopyField label={t("secret")} help={t("secretOnce")} value={create.data.secret} />
        <Button className="justify-self-end" onClick={onClose}>
          {common("close")}
        </Button>
      </Dialog>
    );
  }
  return (
    <Dialog title={t("new")} onClose={onClose}>
      <form
        className="grid gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate();
        }}
      >
        <TextField label={t("url")} help={t("urlHelp")} error={wrongUrl} type="url" value={url} onChange={(event) => setUrl(event.target.value)} />
        <fieldset className="grid gap-1">
          <legend className="mb-1.5 text-s font-medium">{t("events")}</legend>
          {EVENTS.map((event) => (
            <label key={event} className="flex min-h-9 cursor-pointer items-center gap-3 rounded-s px-2 hover:bg-raised">
              <input type="checkbox" checked={events.includes(event)} onChange={(change) => toggle(event, change.target.checked)} className="size-4 accent-primary" />
              {eventName(event)}
            </label>
          ))}
        </fieldset>
        {create.error && !wrongUrl ? (
          <p role="alert" className="text-s text-danger">
            {errorText(create.error)}
          </p>
        ) : null}
        <Button type="submit" kind="primary" busy={create.isPending} disabled={!url.trim() || events.length === 0} className="justify-self-end">
          {t("create")}
        </Button>
      </form>
    </Dialog>
  );
}
