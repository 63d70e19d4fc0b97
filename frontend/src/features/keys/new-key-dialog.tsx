"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { CopyField } from "@/components/copy-field";
import { Dialog } from "@/components/dialog";
import { SelectField, TextField } from "@/components/field";
import { useErrorText } from "@/components/states";
import { ApiError } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { KEYS, SCOPES, USUAL_SCOPES, createKey, type Scope } from "./api";

const EXPIRIES = { d30: 30, d90: 90, d365: 365, never: null } as const;
type Expiry = keyof typeof EXPIRIES;
const MAX_NAME_CHARS = 100;

type Props = { withAdmin: boolean; onClose: () => void };

/** Makes a key, and shows it once. */
export function NewKeyDialog({ withAdmin, onClose }: Props) {
  const t = useTranslations("access");
  const common = useTranslations("common");
  const errorText = useErrorText();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Scope[]>(USUAL_SCOPES);
  const [expiry, setExpiry] = useState<Expiry>("d90");
  const create = useMutation({
    mutationFn: () => createKey({ name, scopes, expires_in_days: EXPIRIES[expiry] }),
    onSuccess: () => queries.invalidateQueries({ queryKey: KEYS }),
  });
  const toggle = (scope: Scope, on: boolean) => setScopes(SCOPES.filter((one) => (one === scope ? on : scopes.includes(one))));
  const wrongName = create.error instanceof ApiError ? create.error.field("name") : null;
  if (create.data) {
    return (
      <Dialog title={t("newKey")} onClose={onClose}>
        <CopyField label={t("key")} help={t("keyOnce")} value={create.data.key} />
        <Button className="justify-self-end" onClick={onClose}>
          {common("close")}
        </Button>
      </Dialog>
    );
  }
  return (
    <Dialog title={t("newKey")} onClose={onClose}>
      <form
        className="grid gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate();
        }}
      >
        <TextField label={t("keyName")} help={t("keyNameHelp")} error={wrongName} maxLength={MAX_NAME_CHARS} value={name} onChange={(event) => setName(event.target.value)} />
        <fieldset className="grid gap-1">
          <legend className="mb-1.5 text-s font-medium">{t("scopes")}</legend>
          {SCOPES.filter((scope) => withAdmin || scope !== "admin").map((scope) => (
            <label key={scope} className="flex min-h-9 cursor-pointer items-center gap-3 rounded-s px-2 hover:bg-raised">
              <input
                type="checkbox"
                checked={scopes.includes(scope)}
                onChange={(event) => toggle(scope, event.target.checked)}
                className="size-4 accent-primary"
              />
              {t(`scopeNames.${scope.replace(":", "_") as "jobs_read"}`)}
            </label>
          ))}
        </fieldset>
        <SelectField
          label={t("expiry")}
          value={expiry}
          onChange={(event) => setExpiry(event.target.value as Expiry)}
          options={(Object.keys(EXPIRIES) as Expiry[]).map((value) => ({ value, label: t(`expiries.${value}`) }))}
        />
        {create.error && !wrongName ? (
          <p role="alert" className="text-s text-danger">
            {errorText(create.error)}
          </p>
        ) : null}
        <Button type="submit" kind="primary" busy={create.isPending} disabled={!name.trim() || scopes.length === 0} className="justify-self-end">
          {t("createKey")}
        </Button>
      </form>
    </Dialog>
  );
}
