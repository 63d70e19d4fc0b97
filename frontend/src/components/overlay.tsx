"use client";
import type { ReactNode } from "react";
import { CloseButton, Modal } from "./modal";

type Props = { label: string; onClose: () => void; actions?: ReactNode; children: ReactNode };

/** A page above the page: it fills phones, and leaves the edges of the other one visible on wide screens. */
export function Overlay({ label, onClose, actions, children }: Props) {
  return (
    <Modal
      aria-label={label}
      onClose={onClose}
      className="h-dvh max-h-none w-screen max-w-none bg-bg backdrop:bg-black/70 sm:h-fit sm:max-h-[calc(100dvh-3rem)] sm:w-[calc(100vw-4rem)] sm:max-w-[90rem] sm:rounded-l"
    >
      <div className="min-h-full p-4 sm:p-6">
        <div className="mb-3 flex justify-end gap-1">
          {actions}
          <CloseButton onClose={onClose} />
        </div>
        {children}
      </div>
    </Modal>
  );
}
