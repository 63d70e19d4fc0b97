import type { ComponentProps, ReactNode } from "react";
import { LoaderCircle } from "lucide-react";
import { cx } from "@/lib/cx";

const KINDS = {
  primary: "primary-fill text-on-primary enabled:hover:brightness-110 enabled:active:brightness-95",
  secondary: "bg-raised text-fg enabled:hover:bg-border",
  quiet: "text-muted enabled:hover:bg-raised enabled:hover:text-fg",
  danger: "text-danger hairline enabled:hover:bg-danger/10",
};
const SIZES = { s: "h-8 px-3 text-s", m: "h-10 px-4 text-m", l: "h-12 px-6 text-m" };

export type ButtonLook = { kind?: keyof typeof KINDS; size?: keyof typeof SIZES; wide?: boolean };

/** The classes of a button, for links that look like one. */
export function buttonClass({ kind = "secondary", size = "m", wide = false }: ButtonLook = {}): string {
  return cx(
    "inline-flex select-none items-center justify-center gap-2 whitespace-nowrap rounded-s font-medium",
    "transition-[background-color,color,filter,opacity] disabled:opacity-45",
    KINDS[kind],
    SIZES[size],
    wide ? "w-full min-w-0" : "shrink-0",
  );
}

type Props = ComponentProps<"button"> & ButtonLook & { busy?: boolean; icon?: ReactNode };

export function Button({ kind, size, wide, busy, icon, children, className, disabled, ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={cx(buttonClass({ kind, size, wide }), className)}
    >
      {busy ? <LoaderCircle aria-hidden className="size-4 animate-spin" /> : icon}
      {children}
    </button>
  );
}

type IconProps = Omit<ComponentProps<"button">, "aria-label"> & { name: string; size?: "s" | "m"; kind?: "quiet" | "secondary" };

/** A button with an icon only; `name` is its accessible name and its tooltip. */
export function IconButton({ name, size = "m", kind = "quiet", className, ...rest }: IconProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-label={name}
      title={name}
      className={cx(
        "inline-flex shrink-0 items-center justify-center rounded-s transition-colors disabled:opacity-45",
        "[&_svg]:size-[1.125rem]",
        KINDS[kind],
        size === "s" ? "size-8" : "size-10",
        className,
      )}
    />
  );
}
