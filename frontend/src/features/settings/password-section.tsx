"use client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { PasswordField } from "@/features/auth/password-field";
import { ApiError } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { changePassword } from "./api";
import { Section } from "./section";

const EMPTY = { current: "", next: "" };

export function PasswordSection() {
  const t = useTranslations("settings");
  const auth = useTranslations("auth");
  const errorText = useErrorText();
  const [form, setForm] = useState(EMPTY);
  const change = useMutation({
    mutationFn: () => changePassword(form.current, form.next),
    onSuccess: () => {
      setForm(EMPTY);
      toast(t("passwordChanged"));
    },
  });
  const refused = change.error instanceof ApiError ? change.error.field("new_password") : null;
  const wrong = change.error && !refused ? errorText(change.error) : null;
  return (
    <Section title={t("password")}>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <PasswordField
          label={t("currentPassword")}
          error={wrong}
          autoComplete="current-password"
          value={form.current}
          onChange={(event) => setForm({ ...form, current: event.target.value })}
        />
        <PasswordField
          label={t("newPassword")}
          help={auth("passwordHelp")}
          error={refused}
          autoComplete="new-password"
          value={form.next}
          onChange={(event) => setForm({ ...form, next: event.target.value })}
        />
        <Button type="submit" busy={change.isPending} disabled={!form.current || !form.next} className="justify-self-start">
          {t("changePassword")}
        </Button>
      </form>
    </Section>
  );
}
