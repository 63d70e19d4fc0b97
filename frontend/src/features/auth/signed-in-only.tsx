"use client";
import Link from "next/link";
import { usePathname, useSearchParams } from "next/navigation";
import type { ReactNode } from "react";
import { LockKeyhole } from "lucide-react";
import { buttonClass } from "@/components/button";
import { ErrorView, Skeleton, StateView } from "@/components/states";
import { session } from "@/lib/api/session";
import { useTranslations } from "@/lib/i18n";
import { useMe, useSession } from "./use-session";

const RANKS = ["user", "moderator", "admin"];
type Props = { role?: "moderator" | "admin"; loading?: ReactNode; heading?: "h1" | "h2"; children: ReactNode };

/** Shows its children to people who are signed in and have the role; to others, what to do. */
export function SignedInOnly({ role, loading, heading = "h1", children }: Props) {
  const t = useTranslations("errors");
  const auth = useTranslations("auth");
  const status = useSession();
  const path = usePathname();
  const query = useSearchParams().toString();
  const me = useMe();
  if (status === "unreachable") return <ErrorView error={session.error} heading={heading} onRetry={() => void session.restore()} />;
  if (status === "unknown" || (role && me.isPending && status === "signed-in")) return loading ?? <Loading heading={heading} />;
  if (status === "anonymous") {
    return (
      <StateView
        title={t("signInTitle")}
        heading={heading}
        icon={<LockKeyhole aria-hidden />}
        action={
          <Link href={`/login?next=${encodeURIComponent(query ? `${path}?${query}` : path)}`} className={buttonClass({ kind: "primary" })}>
            {auth("logIn")}
          </Link>
        }
      >
        {t("signIn")}
      </StateView>
    );
  }
  if (role && !me.data) return <ErrorView error={me.error} heading={heading} onRetry={() => void me.refetch()} />;
  if (role && RANKS.indexOf(me.data?.role ?? "user") < RANKS.indexOf(role)) {
    return (
      <StateView title={t("permissionTitle")} heading={heading} icon={<LockKeyhole aria-hidden />}>
        {t("permission", { role })}
      </StateView>
    );
  }
  return children;
}

function Loading({ heading: Heading }: { heading: "h1" | "h2" }) {
  const t = useTranslations("common");
  return (
    <>
      <Heading className="sr-only">{t("loading")}</Heading>
      <Skeleton className="h-64" />
    </>
  );
}
