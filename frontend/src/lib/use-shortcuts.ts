"use client";
import { useEffect, useRef } from "react";
import { usePreferences } from "./preferences";

export type Shortcuts = Record<string, (event: KeyboardEvent) => void>;

const TYPING = "input:not([type=checkbox],[type=radio],[type=range]),textarea,select,[contenteditable]";

/** A name such as `ctrl+enter`, `shift+x` or `/`. Ctrl and Cmd are the same. */
export function shortcutOf(event: KeyboardEvent): string {
  const key = event.key.toLowerCase();
  const isSymbol = key.length === 1 && key.toUpperCase() === key;
  const parts = [(event.ctrlKey || event.metaKey) && "ctrl", event.altKey && "alt", event.shiftKey && !isSymbol && "shift", key];
  return parts.filter(Boolean).join("+");
}

/** Keys without Ctrl, Cmd or Alt never fire where people type, nor if they are switched off (WCAG 2.1.4). */
export function mayFire(event: KeyboardEvent, singleKeys: boolean): boolean {
  if (event.isComposing) return false;
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  return singleKeys && !(event.target instanceof Element && event.target.closest(TYPING));
}

/** Shortcuts of the whole page. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const singleKeys = usePreferences((preferences) => preferences.singleKeys);
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const run = latest.current[shortcutOf(event)];
      if (!run || !mayFire(event, singleKeys)) return;
      event.preventDefault();
      run(event);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [singleKeys]);
}
