"use client";
import { useId, type ReactNode } from "react";
import { cx } from "@/lib/cx";
import { CloseButton, Modal } from "./modal";

type Props = { title: string; onClose: () => void; children: ReactNode; wide?: boolean };

/** A question or a form above the page. */
export function Dialog({ title, onClose, children, wide }: Props) {
  const titleId = useId();
  return (
    <Modal
      aria-labelledby={titleId}
      onClose={onClose}
      className={cx("w-[calc(100vw-2rem)] rounded-l bg-overlay backdrop:bg-black/60", wide ? "max-w-3xl" : "max-w-md")}
    >
      <div className="grid gap-5 p-6">
        <div className="flex items-start justify-between gap-4">
          <h2 id={titleId} className="text-l font-semibold">
            {title}
          </h2>
          <CloseButton size="s" onClose={onClose} className="-mt-1 -mr-2" />
        </div>
        {children}
      </div>
    </Modal>
  );
}
