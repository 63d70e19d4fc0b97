"use client";
import { useId, useRef, type ReactNode } from "react";
import { X } from "lucide-react";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { IconButton } from "./button";
import { useModal } from "./use-modal";

type Props = { title: string; onClose: () => void; children: ReactNode; wide?: boolean };

/** A modal dialog. The browser's own element keeps the focus inside and closes with Escape. */
export function Dialog({ title, onClose, children, wide }: Props) {
  const t = useTranslations("common");
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useModal(ref, onClose);
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/click-events-have-key-events -- Escape closes it too
    <dialog
      ref={ref}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
      className={cx(
        "w-[calc(100vw-2rem)] animate-rise overflow-auto rounded-l bg-overlay p-0 text-fg shadow-float backdrop:bg-black/60 backdrop:backdrop-blur-sm",
        wide ? "max-w-3xl" : "max-w-md",
      )}
    >
      <div className="grid gap-5 p-6">
        <div className="flex items-start justify-between gap-4">
          <h2 id={titleId} className="text-l font-semibold">
            {title}
          </h2>
          <IconButton name={t("close")} size="s" onClick={onClose} className="-mt-1 -mr-2">
            <X aria-hidden />
          </IconButton>
        </div>
        {children}
      </div>
    </dialog>
  );
}
