"use client";
import { useRef, type ReactNode } from "react";
import { X } from "lucide-react";
import { useTranslations } from "@/lib/i18n";
import { IconButton } from "./button";
import { useModal } from "./use-modal";

type Props = { label: string; onClose: () => void; actions?: ReactNode; children: ReactNode };

/** A page above the page: it fills phones, and leaves the edges of the other one visible on wide screens. */
export function Overlay({ label, onClose, actions, children }: Props) {
  const t = useTranslations("common");
  const ref = useRef<HTMLDialogElement>(null);
  useModal(ref, onClose);
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/click-events-have-key-events -- Escape closes it too
    <dialog
      ref={ref}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
      className="h-dvh max-h-none w-screen max-w-none animate-rise overflow-auto overscroll-contain bg-bg p-0 text-fg shadow-float backdrop:bg-black/70 sm:h-fit sm:max-h-[calc(100dvh-3rem)] sm:w-[calc(100vw-4rem)] sm:max-w-[90rem] sm:rounded-l"
    >
      <div className="min-h-full p-4 sm:p-6">
        <div className="mb-3 flex justify-end gap-1">
          {actions}
          <IconButton name={t("close")} onClick={onClose}>
            <X aria-hidden />
          </IconButton>
        </div>
        {children}
      </div>
    </dialog>
  );
}
