"use client";
import { useEffect, useRef } from "react";
import { X } from "lucide-react";
import { create } from "zustand";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { Button, IconButton } from "./button";

type Toast = { id: number; text: string; tone: "neutral" | "danger"; action?: { label: string; run: () => void } };
type Store = { toasts: Toast[]; add: (toast: Toast) => void; remove: (id: number) => void };

const SECONDS = 6;
/** Long enough to reach the button, or to copy a request id. */
const SECONDS_OF_MORE = 12;
let lastId = 0;

const useToasts = create<Store>((set) => ({
  toasts: [],
  add: (toast) => set(({ toasts }) => ({ toasts: [...toasts.slice(-2), toast] })),
  remove: (id) => set(({ toasts }) => ({ toasts: toasts.filter((toast) => toast.id !== id) })),
}));

export function toast(text: string, options: { tone?: Toast["tone"]; action?: Toast["action"] } = {}): void {
  lastId += 1;
  useToasts.getState().add({ id: lastId, text, tone: options.tone ?? "neutral", action: options.action });
}

/** Short messages at the edge of the screen, which a live region reads out. */
export function Toaster() {
  const toasts = useToasts((store) => store.toasts);
  const ref = useRef<HTMLDivElement>(null);
  const newest = toasts.at(-1)?.id;
  useEffect(() => {
    // Always shown, so that it is a live region; again with each toast, to be above an open dialog.
    if (!ref.current?.showPopover) return;
    if (ref.current.matches(":popover-open")) ref.current.hidePopover();
    ref.current.showPopover();
  }, [newest]);
  return (
    <div
      ref={ref}
      popover="manual"
      role="status"
      className="pointer-events-none fixed inset-x-4 top-auto bottom-20 z-50 m-0 w-auto justify-items-center gap-2 border-0 bg-transparent p-0 open:grid lg:bottom-6"
    >
      {toasts.map((one) => (
        <ToastView key={one.id} toast={one} />
      ))}
    </div>
  );
}

export function ToastView({ toast: { id, text, tone, action } }: { toast: Toast }) {
  const t = useTranslations("common");
  const remove = useToasts((store) => store.remove);
  useEffect(() => {
    const timer = setTimeout(() => remove(id), 1000 * (action || tone === "danger" ? SECONDS_OF_MORE : SECONDS));
    return () => clearTimeout(timer);
  }, [id, action, tone, remove]);
  return (
    <div
      className={cx(
        "pointer-events-auto flex max-w-lg animate-rise items-center gap-3 rounded-l bg-overlay py-2 pr-2 pl-4 text-s shadow-float hairline",
        tone === "danger" && "text-danger",
      )}
    >
      <span className="py-1.5">{text}</span>
      {action ? (
        <Button
          size="s"
          onClick={() => {
            action.run();
            remove(id);
          }}
        >
          {action.label}
        </Button>
      ) : null}
      <IconButton name={t("dismiss")} size="s" onClick={() => remove(id)}>
        <X aria-hidden />
      </IconButton>
    </div>
  );
}
