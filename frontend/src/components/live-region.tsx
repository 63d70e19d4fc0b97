"use client";
import { create } from "zustand";

const useAnnouncement = create<{ text: string }>(() => ({ text: "" }));

/** An `aria-live="polite"` region, for changes that the user has not just caused: a stage, not a percent. */
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
