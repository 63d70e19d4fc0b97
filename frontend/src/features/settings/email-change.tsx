"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { TextField } from "@/components/field";
import { useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { PasswordField } from "@/features/auth/password-field";
import { ME } from "@/features/auth/use-session";
import { ApiError } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { changeEmail } from "./api";

/** A form for the new address and the password. The address changes when the mail to it was confirmed. */
export function EmailChange() {
  const t = useTranslations("access");
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="s" onClick={() => setOpen(true)}>
        {t("changeEmail")}
      </Button>
      {open ? <EmailDialog onClose={() => setOpen(false)} /> : null}
    </>
  );
}

function EmailDialog({ onClose }: { onClose: () => void }) {
  const t = useTranslations("access");
  const common = useTranslations("common");
  const settings = useTranslations("settings");
  const errorText = useErrorText();
  const queries = useQueryClient();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const change = useMutation({
    mutationFn: () => changeEmail(password, email),
    onSuccess: (answer) => {
      if (answer.email_verification_required) return;
      toast(t("emailChanged"));
      onClose();
      void queries.invalidateQueries({ queryKey: ME });
    },
  });
  const wrongEmail = change.error instanceof ApiError ? change.error.field("email") : null;
  if (change.data?.email_verification_required) {
    return (
      <Dialog title={t("changeEmail")} onClose={onClose}>
        <p role="status">{t("emailSent", { email })}</p>
        <Button className="justify-self-end" onClick={onClose}>
          {common("close")}
        </Button>
      </Dialog>
    );
  }
  return (
    <Dialog title={t("changeEmail")} onClose={onClose}>
      <form
        className="grid gap-4"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <TextField label={t("newEmail")} type="email" autoComplete="email" error={wrongEmail} value={email} onChange={(event) => setEmail(event.target.value)} />
        <PasswordField
          label={settings("currentPassword")}
          error={change.error && !wrongEmail ? errorText(change.error) : null}
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <Button type="submit" kind="primary" busy={change.isPending} disabled={!email || !password} className="justify-self-end">
          {t("changeEmail")}
        </Button>
      </form>
    </Dialog>
  );
}
