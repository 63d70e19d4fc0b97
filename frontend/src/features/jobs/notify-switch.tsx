"use client";
import { useSyncExternalStore } from "react";
import { Bell, BellRing } from "lucide-react";
import { IconButton } from "@/components/button";
import { toast } from "@/components/toaster";
import { useTranslations } from "@/lib/i18n";
import { usePreferences } from "@/lib/preferences";
import { canNotify } from "./notifications";

const noSubscription = () => () => undefined;

/** Whether the browser tells about finished videos while another window has the focus. It asks for permission first. */
export function NotifySwitch() {
  const t = useTranslations("jobs");
  const available = useSyncExternalStore(noSubscription, canNotify, () => false);
  const wanted = usePreferences((preferences) => preferences.notifications);
  const set = usePreferences((preferences) => preferences.set);
  if (!available) return null;
  const on = wanted && Notification.permission === "granted";
  const change = async () => {
    const permission = on ? "default" : await Notification.requestPermission();
    set({ notifications: permission === "granted" });
    if (permission === "denied") toast(t("notifyBlocked"), { tone: "danger" });
    else if (on || permission === "granted") toast(t(on ? "notifyOff" : "notifyOn"));
  };
  return (
    <IconButton name={t("notify")} size="s" aria-pressed={on} onClick={() => void change()}>
      {on ? <BellRing aria-hidden className="text-success" /> : <Bell aria-hidden />}
    </IconButton>
  );
}
