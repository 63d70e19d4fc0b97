"use client";
import { useMutation } from "@tanstack/react-query";
import { useId, useState } from "react";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { Field, TextField, inputClass } from "@/components/field";
import { useErrorText } from "@/components/states";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { REASONS, URGENT, report, type Reason, type Reported } from "./api";

const MAX_DETAILS_CHARS = 2000;

/** Reports a video. No account is needed. */
export function ReportDialog({ reported, onClose }: { reported: Reported; onClose: () => void }) {
  const t = useTranslations("published");
  const common = useTranslations("common");
  const [reason, setReason] = useState<Reason | null>(null);
  const [details, setDetails] = useState("");
  const [email, setEmail] = useState("");
  const errorText = useErrorText();
  const send = useMutation({ mutationFn: (chosen: Reason) => report({ ...reported, reason: chosen, details, email: email || null }) });
  if (send.isSuccess) {
    return (
      <Dialog title={t("sentTitle")} onClose={onClose}>
        <p role="status">{t("sent")}</p>
        <Button className="justify-self-end" onClick={onClose}>
          {common("close")}
        </Button>
      </Dialog>
    );
  }
  return (
    <Dialog title={t("reportTitle")} onClose={onClose}>
      <p className="text-muted">{t("reportLead")}</p>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (reason) send.mutate(reason);
        }}
      >
        <Reasons value={reason} onChange={setReason} />
        {reason && URGENT.includes(reason) ? <p className="text-s text-warning">{t("atOnce")}</p> : null}
        <Field label={t("details")} aside={<span className="text-s text-muted">{common("optional")}</span>}>
          {(control) => (
            <textarea
              {...control}
              rows={3}
              maxLength={MAX_DETAILS_CHARS}
              value={details}
              onChange={(event) => setDetails(event.target.value)}
              className={cx(inputClass, "field-sizing-content max-h-48 min-h-20 resize-none py-2")}
            />
          )}
        </Field>
        <TextField
          label={t("reportEmail")}
          help={t("reportEmailHelp")}
          aside={<span className="text-s text-muted">{common("optional")}</span>}
          type="email"
          autoComplete="email"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        {send.error ? (
          <p role="alert" className="text-s text-danger">
            {errorText(send.error)}
          </p>
        ) : null}
        <Button type="submit" kind="primary" busy={send.isPending} disabled={!reason} className="justify-self-end">
          {t("send")}
        </Button>
      </form>
    </Dialog>
  );
}

function Reasons({ value, onChange }: { value: Reason | null; onChange: (reason: Reason) => void }) {
  const t = useTranslations("published");
  const name = useId();
  return (
    <fieldset className="grid gap-1">
      <legend className="mb-1.5 text-s font-medium">{t("reason")}</legend>
      {REASONS.map((reason) => (
        <label key={reason} className="flex min-h-9 cursor-pointer items-center gap-3 rounded-s px-2 hover:bg-raised has-checked:bg-raised">
          <input type="radio" name={name} checked={value === reason} onChange={() => onChange(reason)} className="size-4 accent-primary" />
          {t(`reasons.${reason}`)}
        </label>
      ))}
    </fieldset>
  );
}
