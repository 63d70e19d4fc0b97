"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { Badge } from "@/components/chip";
import { TextField } from "@/components/field";
import { useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { ME } from "@/features/auth/use-session";
import type { Schemas } from "@/lib/api/client";
import { useTranslations } from "@/lib/i18n";
import { changeName } from "./api";
import { EmailChange } from "./email-change";
import { Section } from "./section";

const MAX_NAME_CHARS = 80;

export function ProfileSection({ me }: { me: Schemas["Profile"] }) {
  const t = useTranslations("settings");
  const common = useTranslations("common");
  const errorText = useErrorText();
  const queries = useQueryClient();
  const [name, setName] = useState(me.display_name);
  const save = useMutation({
    mutationFn: () => changeName(name),
    onSuccess: (profile) => {
      queries.setQueryData(ME, profile);
      toast(common("saved"));
    },
  });
  return (
    <Section title={t("profile")} lead={t("memberSince", { date: new Date(me.created_at) })}>
      <div className="grid gap-1.5 text-s">
        <span className="font-medium">{t("email")}</span>
        <span className="flex flex-wrap items-center gap-2 text-muted">
          {me.email}
          {me.email_verified_at ? null : <Badge>{t("notVerified")}</Badge>}
          <EmailChange />
        </span>
      </div>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <TextField
          label={t("displayName")}
          help={t("displayNameHelp")}
          error={save.error ? errorText(save.error) : null}
          maxLength={MAX_NAME_CHARS}
          autoComplete="name"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit" busy={save.isPending} disabled={name === me.display_name} className="justify-self-start">
          {common("save")}
        </Button>
      </form>
    </Section>
  );
}
