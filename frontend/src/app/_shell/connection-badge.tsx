"use client";
import { CloudOff, Radio, RefreshCw, Timer, Waves } from "lucide-react";
import type { Transport } from "@/features/jobs/live-connection";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";

const LOOKS = {
  connecting: null,
  live: { key: "live", icon: Radio, tone: "text-success" },
  sse: { key: "sse", icon: Waves, tone: "text-success" },
  polling: { key: "polling", icon: Timer, tone: "text-warning" },
  reconnecting: { key: "reconnecting", icon: RefreshCw, tone: "text-warning" },
  offline: { key: "offline", icon: CloudOff, tone: "text-danger" },
} as const;

/** How changes arrive: by WebSocket, event stream or polling. */
export function ConnectionBadge({ transport }: { transport: Transport }) {
  const t = useTranslations("shell");
  const look = LOOKS[transport];
  if (!look) return null;
  const Icon = look.icon;
  return (
    <span
      role="status"
      data-transport={transport}
      title={t(`${look.key}Help`)}
      className="inline-flex h-8 items-center gap-2 rounded-full px-2 text-s text-muted sm:px-3"
    >
      <Icon aria-hidden className={cx("size-3.5", look.tone)} />
      <span className={cx(transport === "live" && "max-sm:sr-only")}>{t(look.key)}</span>
    </span>
  );
}
