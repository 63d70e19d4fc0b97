"use client";
import { useState } from "react";
import { toast } from "@/components/toaster";
import { useTranslations } from "@/lib/i18n";

/** Something that is loaded when it is first shown. Without a network a message says so, and the page stays. */
export function useOnDemand(load: () => Promise<unknown>): { shown: boolean; show: () => void; hide: () => void } {
  const t = useTranslations("errors");
  const [shown, setShown] = useState(false);
  const show = () =>
    void load().then(
      () => setShown(true),
      () => toast(t("offline"), { tone: "danger" }),
    );
  return { shown, show, hide: () => setShown(false) };
}
