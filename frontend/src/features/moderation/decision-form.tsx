"use client";
import { useId, useState } from "react";
import { Button } from "@/components/button";
import { Field, TextField, inputClass } from "@/components/field";
import { useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import type { Reason } from "@/features/reports/api";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { useDecide, type Action, type Moderated } from "./api";

const ACTIONS = ["restore", "hide", "reject"] as const satisfies Action[];
const MAX_REASON_CHARS = 100;
const MAX_STATEMENT_CHARS = 4000;
type Props = { video: Pick<Moderated, "id">; reason: Reason; onDecided: () => void };

/** A decision in two clicks: choose it, confirm it. Reason and statement are filled in, and can be changed before. */
export function DecisionForm({ video, reason: reported, onDecided }: Props) {
  const t = useTranslations("moderation");
  const reasons = useTranslations("published.reasons");
  const errorText = useErrorText();
  const headingId = useId();
  const [action, setAction] = useState<Action | null>(null);
  const [reason, setReason] = useState("");
  const [statement, setStatement] = useState("");
  const decide = useDecide(video.id);
  const choose = (next: Action) => {
    setAction(next);
    setReason(next === "restore" ? t("keepReason") : reasons(reported));
    setStatement(t(`statements.${next}`, { reason: reasons(reported) }));
  };
  const confirm = () => {
    if (!action) return;
    decide.mutate(
      { action, reason, statement },
      {
        onSuccess: () => {
          toast(t("decided"));
          setAction(null);
          onDecided();
        },
      },
    );
  };
  return (
    <section aria-labelledby={headingId} className="grid content-start gap-4 self-start rounded-l border border-border bg-surface p-5 xl:sticky xl:top-20">
      <h3 id={headingId} className="font-medium">
        {t("decide")}
      </h3>
      <div className="grid gap-2">
        {ACTIONS.map((one) => (
          <Button key={one} kind={one === "reject" ? "danger" : "secondary"} aria-pressed={action === one} className="aria-pressed:outline-2 aria-pressed:outline-ring" onClick={() => choose(one)}>
            {t(`actions.${one}`)}
          </Button>
        ))}
      </div>
      {action ? (
        <form
          className="grid gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            confirm();
          }}
        >
          <p className="text-s text-muted">{t(`actionHelp.${action}`)}</p>
          <TextField label={t("reason")} maxLength={MAX_REASON_CHARS} required value={reason} onChange={(event) => setReason(event.target.value)} />
          <Field label={t("statement")} help={t("statementHelp")}>
            {(control) => (
              <textarea
                {...control}
                rows={5}
                required
                maxLength={MAX_STATEMENT_CHARS}
                value={statement}
                onChange={(event) => setStatement(event.target.value)}
                className={cx(inputClass, "field-sizing-content max-h-80 resize-none py-2")}
              />
            )}
          </Field>
          {decide.error ? (
            <p role="alert" className="text-s text-danger">
              {errorText(decide.error)}
            </p>
          ) : null}
          <Button type="submit" kind={action === "reject" ? "danger" : "primary"} wide busy={decide.isPending} disabled={!reason.trim() || !statement.trim()}>
            <span className="truncate">{t("confirm", { action: t(`actions.${action}`) })}</span>
          </Button>
        </form>
      ) : null}
    </section>
  );
}
