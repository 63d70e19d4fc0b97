"use client";
import { useState } from "react";
import { History, UserPlus } from "lucide-react";
import { Button, IconButton } from "@/components/button";
import { Badge } from "@/components/chip";
import { SelectField } from "@/components/field";
import { LoadMore } from "@/components/load-more";
import { ErrorView, Skeleton, StateView, useErrorText } from "@/components/states";
import { Table } from "@/components/table";
import { toast } from "@/components/toaster";
import { useMe } from "@/features/auth/use-session";
import type { Schemas } from "@/lib/api/client";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { ROLES, useAccounts, useChangeAccount, type Account, type Role } from "./api";
import { InviteDialog } from "./invite-dialog";

export function AccountsSection({ onAudit }: { onAudit: (id: string) => void }) {
  const t = useTranslations("admin");
  const accounts = useAccounts();
  const [invites, setInvites] = useState(false);
  const rows = accounts.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-s text-muted">{t("usersLead")}</p>
        <Button icon={<UserPlus aria-hidden className="size-4" />} onClick={() => setInvites(true)}>
          {t("invite")}
        </Button>
      </div>
      {accounts.isPending ? <Skeleton className="h-64 rounded-l" /> : null}
      {accounts.isError ? <ErrorView error={accounts.error} onRetry={() => void accounts.refetch()} /> : null}
      {accounts.isSuccess && rows.length === 0 ? <StateView title={t("usersEmpty")} /> : null}
      {rows.length > 0 ? (
        <Table label={t("users")} head={[t("email"), t("name"), t("role"), t("since"), t("state"), t("action")]}>
          {rows.map((account) => (
            <AccountRow key={account.id} account={account} onAudit={() => onAudit(account.id)} />
          ))}
        </Table>
      ) : null}
      {accounts.hasNextPage ? <LoadMore key={rows.length} onNear={() => void accounts.fetchNextPage({ cancelRefetch: false })} /> : null}
      {invites ? <InviteDialog onClose={() => setInvites(false)} /> : null}
    </div>
  );
}

function AccountRow({ account, onAudit }: { account: Account; onAudit: () => void }) {
  const t = useTranslations("admin");
  const format = useFormatter();
  const errorText = useErrorText();
  const own = useMe().data?.id === account.id;
  const { mutate, isPending } = useChangeAccount();
  const { email } = account;
  const change = (values: Schemas["AccountChange"]) =>
    mutate({ id: account.id, change: values }, { onSuccess: () => toast(t("changed")), onError: (error) => toast(errorText(error), { tone: "danger" }) });
  const state = account.disabled_at ? "disabled" : account.email_verified_at ? "active" : "unconfirmed";
  return (
    <tr>
      <td className="max-w-72 min-w-56 [overflow-wrap:anywhere]">
        {email} {own ? <Badge>{t("you")}</Badge> : null}
      </td>
      <td className="max-w-48 [overflow-wrap:anywhere]">{account.display_name || "–"}</td>
      <td className="min-w-40">
        <SelectField
          hideLabel
          label={t("roleOf", { email })}
          value={account.role}
          disabled={own || isPending}
          onChange={(event) => change({ role: event.target.value as Role })}
          options={ROLES.map((value) => ({ value, label: t(`roles.${value}`) }))}
        />
      </td>
      <td className="whitespace-nowrap text-muted">{format.dateTime(new Date(account.created_at), { dateStyle: "medium" })}</td>
      <td>
        <Badge tone={{ active: "success", disabled: "danger", unconfirmed: "neutral" }[state] as "success"}>{t(state)}</Badge>
      </td>
      <td>
        <span className="flex items-center gap-1">
          <Button
            size="s"
            kind={account.disabled_at ? "secondary" : "danger"}
            disabled={own}
            busy={isPending}
            aria-label={t(account.disabled_at ? "enableNamed" : "disableNamed", { email })}
            onClick={() => change({ disabled: !account.disabled_at })}
          >
            {t(account.disabled_at ? "enable" : "disable")}
          </Button>
          <IconButton size="s" name={`${t("audit")}: ${email}`} onClick={onAudit}>
            <History aria-hidden />
          </IconButton>
        </span>
      </td>
    </tr>
  );
}
