"use client";
import { useId, type ReactNode } from "react";
import { cx } from "@/lib/cx";

type Props<T extends string> = {
  label: string;
  value: T;
  options: { value: T; label: string; icon?: ReactNode }[];
  onChange: (value: T) => void;
  hideLabel?: boolean;
  help?: string;
};

/** A choice of a few values, as a group of radio buttons. */
export function Segmented<T extends string>({ label, value, options, onChange, hideLabel, help }: Props<T>) {
  const name = useId();
  return (
    <fieldset aria-describedby={help && `${name}-help`} className="grid min-w-0 gap-1.5">
      <legend className={cx("mb-1.5 text-s font-medium", hideLabel && "sr-only")}>{label}</legend>
      <div className="flex rounded-s bg-raised p-1">
        {options.map((option) => (
          <label
            key={option.value}
            className={cx(
              "relative flex h-8 min-w-0 flex-auto basis-8 cursor-pointer items-center justify-center gap-1.5 rounded-[6px] px-2 text-s whitespace-nowrap transition-colors",
              "has-focus-visible:outline-2 has-focus-visible:outline-ring",
              option.value === value ? "bg-surface font-medium text-fg shadow-[0_0_0_1px_var(--color-border)]" : "text-muted hover:text-fg",
            )}
          >
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
              className="absolute inset-0 cursor-pointer opacity-0"
            />
            {option.icon}
            {option.label}
          </label>
        ))}
      </div>
      {help ? (
        <p id={`${name}-help`} className="text-s text-muted">
          {help}
        </p>
      ) : null}
    </fieldset>
  );
}
