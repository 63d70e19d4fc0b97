"use client";
import { useEffect } from "react";
import { useDraft } from "@/features/composer/draft";
import { followStorage } from "@/lib/follow-storage";

/** Reads the draft of this device after the first paint, and what other tabs write. */
export function HydrateDraft() {
  useEffect(() => followStorage(useDraft), []);
  return null;
}
