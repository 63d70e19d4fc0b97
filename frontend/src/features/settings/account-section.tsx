"use client";
import { useMutation } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { Button } from "@/components/button";
import { useErrorText } from "@/components/states";
import { toast } from "@/components/toaster";
import { useTranslations } from "@/lib/i18n";
import { deleteAccount, downloadExport } from "./api";
import { PasswordPrompt } from "./password-prompt";
import { Section } from "./section";

export function AccountSection({ email }: { email: string }) {
  const t = useTranslations("settings");
  const errorText = useErrorText();
  const router = useRouter();
  const [asks, setAsks] = useState(false);
  const save = useMutation({ mutationFn: downloadExport, onError: (error) => toast(errorText(error), { tone: "danger" }) });
  const remove = useMutation({ mutationFn: deleteAccount, onSuccess: () => router.push("/") });
  return (
    <>
      <Section title={t("export")} lead={t("exportLead")}>
        <Button className="justify-self-start" busy={save.isPending} onClick={() => save.mutate()}>
          {save.isPending ? t("exporting") : t("exportStart")}
        </Button>
      </Section>
      <Section title={t("delete")} lead={t("deleteLead")}>
        <Button kind="danger" className="justify-self-start" onClick={() => setAsks(true)}>
          {t("deleteConfirm")}
        </Button>
      </Section>
      {asks ? (
        <PasswordPrompt
          danger
          title={t("delete")}
          label={t("deleteFor", { email })}
          confirm={t("deleteConfirm")}
          mutation={remove}
          onClose={() => setAsks(false)}
        />
      ) : null}
    </>
  );
}
