"use client";
import { useEffect, useLayoutEffect, useRef, type ReactNode, type RefObject } from "react";
import { X } from "lucide-react";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { DialogContext } from "@/lib/use-shortcuts";
import { IconButton } from "./button";

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
function useModal(ref: RefObject<HTMLDialogElement | null>, onClose: () => void): void {
  const latest = useRef(onClose);
  useEffect(() => {
    latest.current = onClose;
  });
  // A layout effect ends before its elements are removed: a closed dialog gives the focus back, a removed one does not.
  useLayoutEffect(() => {
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

/** The accessible name: a text, or the id of the heading inside. */
type Name = { "aria-label": string } | { "aria-labelledby": string };
type Props = Name & { onClose: () => void; className: string; children: ReactNode };

/**
 * What is above the page and blocks it: a dialog, or a page above the page. The browser's own element keeps the focus
 * inside; Escape and a click beside it close it.
 */
export function Modal({ onClose, className, children, ...name }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  // Where a press began: text that is selected beyond the edge must not close the form.
  const pressed = useRef<EventTarget | null>(null);
  useModal(ref, onClose);
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/click-events-have-key-events -- Escape closes it too
    <dialog
      {...name}
      ref={ref}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onPointerDown={(event) => {
        pressed.current = event.target;
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget && pressed.current === event.currentTarget) onClose();
      }}
      className={cx("animate-rise overflow-auto overscroll-contain p-0 text-fg shadow-float", className)}
    >
      <DialogContext value={ref}>{children}</DialogContext>
    </dialog>
  );
}

export function CloseButton({ size, onClose, className }: { size?: "s" | "m"; onClose: () => void; className?: string }) {
  const t = useTranslations("common");
  return (
    <IconButton name={t("close")} size={size} onClick={onClose} className={className}>
      <X aria-hidden />
    </IconButton>
  );
}
