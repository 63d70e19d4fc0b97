"use client";
import { useState } from "react";
import { Switch } from "@/components/switch";
import { useTranslations } from "@/lib/i18n";
import { usePreferences } from "@/lib/preferences";
import { Section } from "./section";

export function DeviceSection() {
  const t = useTranslations("settings");
  const { motion, previews, singleKeys, notifications, set } = usePreferences();
  const [blocked, setBlocked] = useState(false);
  const notify = async (wanted: boolean) => {
    const allowed = wanted && "Notification" in window && (await Notification.requestPermission()) === "granted";
    setBlocked(wanted && !allowed);
    set({ notifications: allowed });
  };
  return (
    <Section title={t("motion")}>
      <Switch label={t("moveInterface")} help={t("moveHelp")} checked={motion} onChange={(value) => set({ motion: value })} />
      <Switch label={t("previews")} checked={previews} onChange={(value) => set({ previews: value })} />
      <Switch label={t("singleKeys")} checked={singleKeys} onChange={(value) => set({ singleKeys: value })} />
      <Switch
        label={t("notifications")}
        help={blocked ? t("notificationsBlocked") : undefined}
        checked={notifications}
        onChange={(value) => void notify(value)}
      />
    </Section>
  );
}
