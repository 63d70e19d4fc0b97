"use client";
import { createContext, useContext, useEffect, useRef, type RefObject } from "react";
import { usePreferences } from "./preferences";

export type Shortcuts = Record<string, (event: KeyboardEvent) => void>;

const TYPING = "input:not([type=checkbox],[type=radio],[type=range]),textarea,select,[contenteditable]";
const MENU = "[role=menu]";

/** The dialog in which a component is. */
export const DialogContext = createContext<RefObject<Element | null> | null>(null);

/** A name such as `ctrl+enter`, `shift+x` or `/`. Ctrl and Cmd are the same. */
export function shortcutOf(event: KeyboardEvent): string {
  const key = event.key.toLowerCase();
  const isSymbol = key.length === 1 && key.toUpperCase() === key;
  const parts = [(event.ctrlKey || event.metaKey) && "ctrl", event.altKey && "alt", event.shiftKey && !isSymbol && "shift", key];
  return parts.filter(Boolean).join("+");
}

const hasModifier = (event: KeyboardEvent) => event.ctrlKey || event.metaKey || event.altKey;

/** Keys without Ctrl, Cmd or Alt never fire where people type, in menus, or if they are switched off (WCAG 2.1.4). */
export function mayFire(event: KeyboardEvent, singleKeys: boolean): boolean {
  if (event.isComposing) return false;
  if (hasModifier(event)) return true;
  return singleKeys && !(event.target instanceof Element && event.target.closest(`${TYPING},${MENU}`));
}

/** Whether a dialog is open that does not contain `own`: everything outside of it is blocked. */
function isBlocked(own: Element | null): boolean {
  return [...document.querySelectorAll("dialog[open]")].some((dialog) => !dialog.contains(own));
}

/** Shortcuts of the whole page, or of the dialog in which the component is. Single keys do nothing behind a dialog. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const singleKeys = usePreferences((preferences) => preferences.singleKeys);
  const dialog = useContext(DialogContext);
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const run = latest.current[shortcutOf(event)];
      if (!run || !mayFire(event, singleKeys)) return;
      if (!hasModifier(event) && isBlocked(dialog?.current ?? null)) return;
      event.preventDefault();
      run(event);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [singleKeys, dialog]);
}
