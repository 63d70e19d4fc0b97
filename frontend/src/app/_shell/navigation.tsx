"use client";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { Clapperboard, Images, ListVideo, type LucideIcon } from "lucide-react";
import { useJobStore } from "@/features/jobs/store";
import { isOpen } from "@/features/jobs/job";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";

const PLACES = [
  { href: "/create", key: "create", icon: Clapperboard },
  { href: "/queue", key: "queue", icon: ListVideo },
  { href: "/gallery", key: "gallery", icon: Images },
] as const satisfies { href: string; key: string; icon: LucideIcon }[];

/** In the header on wide screens, at the lower edge on narrow ones. */
export function Navigation({ placement }: { placement: "header" | "bottom" }) {
  const t = useTranslations("shell");
  const path = usePathname();
  const open = useJobStore((state) => [...state.jobs.values()].filter(isOpen).length);
  const bottom = placement === "bottom";
  return (
    <nav
      aria-label={t("mainNavigation")}
      className={
        bottom
          ? "fixed inset-x-0 bottom-0 z-40 flex border-t border-border bg-bg pb-[env(safe-area-inset-bottom)] lg:hidden"
          : "hidden items-center gap-1 lg:flex"
      }
    >
      {PLACES.map(({ href, key, icon: Icon }) => {
        const current = path === href || path.startsWith(`${href}/`);
        return (
          <Link
            key={href}
            href={href}
            aria-current={current ? "page" : undefined}
            className={cx(
              "relative flex items-center transition-colors",
              bottom ? "h-14 flex-1 flex-col justify-center gap-0.5" : "h-9 gap-2 rounded-s px-3",
              "text-s",
              current ? (bottom ? "text-fg" : "bg-raised text-fg") : "text-muted hover:text-fg",
            )}
          >
            {bottom ? <Icon aria-hidden className="size-5" /> : null}
            {t(key)}
            {key === "queue" && open > 0 ? (
              <span
                aria-hidden
                className={cx(
                  "tabular inline-flex h-5 min-w-5 items-center justify-center rounded-full bg-fg px-1.5 text-s leading-none font-medium text-bg",
                  bottom && "absolute top-1.5 left-1/2 ml-2.5 h-4 min-w-4 px-1",
                )}
              >
                {open}
              </span>
            ) : null}
          </Link>
        );
      })}
    </nav>
  );
}
