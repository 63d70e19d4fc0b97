"use client";
import Link from "next/link";
import { usePathname } from "next/navigation";
import type { ReactNode } from "react";
import { LockKeyhole } from "lucide-react";
import { buttonClass } from "@/components/button";
import { Skeleton, StateView } from "@/components/states";
import { useTranslations } from "@/lib/i18n";
import { useMe, useSession } from "./use-session";

const RANKS = ["user", "moderator", "admin"];
type Props = { role?: "moderator" | "admin"; loading?: ReactNode; heading?: "h1" | "h2"; children: ReactNode };

/** Shows its children to people who are signed in and have the role; to others, what to do. */
export function SignedInOnly({ role, loading = <Skeleton className="h-64" />, heading = "h1", children }: Props) {
  const t = useTranslations("errors");
  const auth = useTranslations("auth");
  const status = useSession();
  const path = usePathname();
  const me = useMe();
  if (status === "unknown" || (role && me.isPending && status === "signed-in")) return loading;
  if (status === "anonymous") {
    return (
      <StateView
        title={t("signInTitle")}
        heading={heading}
        icon={<LockKeyhole aria-hidden />}
        action={
          <Link href={`/login?next=${encodeURIComponent(path)}`} className={buttonClass({ kind: "primary" })}>
            {auth("logIn")}
          </Link>
        }
      >
        {t("signIn")}
      </StateView>
    );
  }
  if (role && RANKS.indexOf(me.data?.role ?? "user") < RANKS.indexOf(role)) {
    return (
      <StateView title={t("permissionTitle")} heading={heading} icon={<LockKeyhole aria-hidden />}>
        {t("permission", { role })}
      </StateView>
    );
  }
  return children;
}
