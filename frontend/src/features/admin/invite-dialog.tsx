"use client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { CopyField } from "@/components/copy-field";
import { Dialog } from "@/components/dialog";
import { Segmented } from "@/components/segmented";
import { useErrorText } from "@/components/states";
import { useTranslations } from "@/lib/i18n";
import { ROLES, invite, type Role } from "./api";

export function InviteDialog({ onClose }: { onClose: () => void }) {
  const t = useTranslations("admin");
  const errorText = useErrorText();
  const [role, setRole] = useState<Role>("user");
  const create = useMutation({ mutationFn: () => invite(role) });
  return (
    <Dialog title={t("inviteTitle")} onClose={onClose}>
      <p className="text-muted">{t("inviteLead")}</p>
      {create.data ? (
        <CopyField
          label={t("invitation")}
          help={t("inviteUntil", { date: new Date(create.data.expires_at) })}
          value={create.data.invitation}
        />
      ) : (
        <>
          <Segmented label={t("role")} value={role} onChange={setRole} options={ROLES.map((value) => ({ value, label: t(`roles.${value}`) }))} />
          {create.error ? (
            <p role="alert" className="text-s text-danger">
              {errorText(create.error)}
            </p>
          ) : null}
          <Button kind="primary" wide busy={create.isPending} onClick={() => create.mutate()}>
            {t("inviteCreate")}
          </Button>
        </>
      )}
    </Dialog>
  );
}
