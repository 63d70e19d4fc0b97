"use client";
import { create } from "zustand";

const useAnnouncement = create<{ text: string }>(() => ({ text: "" }));

/** Reads a text out politely. For changes that nobody asked for at this moment: a stage, not a percent. */
export function announce(text: string): void {
  useAnnouncement.setState({ text });
}

export function LiveRegion() {
  const text = useAnnouncement((store) => store.text);
  return (
    <div aria-live="polite" aria-atomic="true" className="sr-only">
      {text}
    </div>
  );
}
