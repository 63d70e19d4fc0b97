"use client";
import { useId, type ReactNode } from "react";
import { cx } from "@/lib/cx";

type Props = {
  label: string;
  help?: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  /** Why the switch cannot apply now. */
  off?: string | null;
};

export function Switch({ label, help, checked, onChange, off }: Props) {
  const id = useId();
  const note = off ?? help;
  return (
    <div className="flex items-start justify-between gap-4">
      <div className="grid gap-0.5">
        <label htmlFor={id} className={cx("text-s font-medium", off && "text-muted")}>
          {label}
        </label>
        {note ? (
          <p id={`${id}-note`} className="text-s text-muted">
            {note}
          </p>
        ) : null}
      </div>
      <input
        id={id}
        type="checkbox"
        role="switch"
        checked={checked && !off}
        disabled={Boolean(off)}
        aria-describedby={note ? `${id}-note` : undefined}
        onChange={(event) => onChange(event.target.checked)}
        className={cx(
          "relative mt-0.5 h-6 w-10 shrink-0 cursor-pointer appearance-none rounded-full border border-input bg-raised transition-colors",
          "after:absolute after:top-[3px] after:left-[3px] after:size-4 after:rounded-full after:bg-muted after:transition-[translate,background-color]",
          "checked:border-primary checked:bg-primary checked:after:translate-x-4 checked:after:bg-white",
          "disabled:cursor-not-allowed disabled:opacity-45",
        )}
      />
    </div>
  );
}
