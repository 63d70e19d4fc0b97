"use client";
import { useEffect, useRef, type RefObject } from "react";

/** What closes the open dialogs, the topmost last. */
const open: (() => void)[] = [];

function onKeyDown(event: KeyboardEvent): void {
  if (event.key !== "Escape" || event.isComposing) return;
  // The browser may close several dialogs with one Escape, and does so where nothing has the focus too.
  event.preventDefault();
  event.stopPropagation();
  open.at(-1)?.();
}

/** Opens the dialog above the page. Escape closes the topmost one only. */
export function useModal(ref: RefObject<HTMLDialogElement | null>, onClose: () => void): void {
  const latest = useRef(onClose);
  useEffect(() => {
    latest.current = onClose;
  });
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog?.open) dialog?.showModal();
    // Otherwise the first control has the focus, which is the one that closes.
    dialog?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    const close = () => latest.current();
    if (open.length === 0) addEventListener("keydown", onKeyDown, { capture: true });
    open.push(close);
    return () => {
      open.splice(open.indexOf(close), 1);
      if (open.length === 0) removeEventListener("keydown", onKeyDown, { capture: true });
      dialog?.close();
    };
  }, [ref]);
}
