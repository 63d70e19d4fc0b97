"use client";
import { useEffect } from "react";
import { useDraft } from "@/features/composer/draft";

const KEY = "aura.draft";

/** Reads the draft of this device after the first paint, and what other tabs write. */
export function HydrateDraft() {
  useEffect(() => {
    void useDraft.persist.rehydrate();
    const onStorage = ({ key }: StorageEvent) => {
      if (key === KEY) void useDraft.persist.rehydrate();
    };
    addEventListener("storage", onStorage);
    return () => removeEventListener("storage", onStorage);
  }, []);
  return null;
}
