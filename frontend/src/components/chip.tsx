import type { ComponentProps, ReactNode } from "react";
import { cx } from "@/lib/cx";

/** A short text to press: an example, a word, a filter. */
export function Chip({ className, ...rest }: ComponentProps<"button">) {
  return (
    <button
      type="button"
      {...rest}
      className={cx(
        "inline-flex min-h-8 items-center rounded-full border border-border bg-bg/70 px-3 py-1 text-left text-s text-muted transition-colors",
        "hover:border-input hover:text-fg aria-pressed:border-ring aria-pressed:text-fg",
        className,
      )}
    />
  );
}

const TONES = {
  neutral: "bg-raised text-muted",
  success: "bg-success/12 text-success",
  danger: "bg-danger/12 text-danger",
  warning: "bg-warning/12 text-warning",
};

export function Badge({ tone = "neutral", children, icon }: { tone?: keyof typeof TONES; children: ReactNode; icon?: ReactNode }) {
  return (
    <span className={cx("inline-flex h-6 items-center gap-1.5 rounded-full px-2.5 text-s font-medium whitespace-nowrap [&_svg]:size-3.5", TONES[tone])}>
      {icon}
      {children}
    </span>
  );
}
