"use client";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

type Props = { trigger: ReactNode; children: ReactNode; align?: "start" | "end"; defaultOpen?: boolean };

/** A menu under a button. Not modal: a modal one adds style elements that the content policy refuses. */
export function Menu({ trigger, children, align = "end", defaultOpen }: Props) {
  // Inside of a landmark: everything on a page belongs to one.
  const place = typeof document === "undefined" ? null : document.getElementById("main");
  return (
    <DropdownMenu.Root modal={false} defaultOpen={defaultOpen}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal container={place}>
        <DropdownMenu.Content
          align={align}
          sideOffset={8}
          collisionPadding={12}
          className="z-50 min-w-52 animate-rise rounded-l bg-overlay p-1.5 text-fg shadow-float hairline"
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

const itemClass = cx(
  "flex min-h-9 cursor-pointer items-center gap-2.5 rounded-s px-2.5 text-s outline-none select-none [&_svg]:size-4 [&_svg]:text-muted",
  "data-highlighted:bg-raised data-disabled:opacity-45",
);

type ItemProps = { children: ReactNode; onSelect?: () => void; icon?: ReactNode; disabled?: boolean; danger?: boolean };

export function MenuItem({ children, onSelect, icon, disabled, danger }: ItemProps) {
  return (
    <DropdownMenu.Item disabled={disabled} onSelect={onSelect} className={cx(itemClass, danger && "text-danger")}>
      {icon}
      {children}
    </DropdownMenu.Item>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <DropdownMenu.Label className="px-2.5 pt-2 pb-1 text-s text-muted">{children}</DropdownMenu.Label>;
}

export function MenuSeparator() {
  return <DropdownMenu.Separator className="my-1.5 h-px bg-border" />;
}

type RadioProps<T extends string> = { label: string; value: T; options: { value: T; label: string }[]; onChange: (value: T) => void };

export function MenuRadio<T extends string>({ label, value, options, onChange }: RadioProps<T>) {
  return (
    <DropdownMenu.RadioGroup aria-label={label} value={value} onValueChange={(next) => onChange(next as T)}>
      <MenuLabel>{label}</MenuLabel>
      <div className="flex gap-1 px-1">
        {options.map((option) => (
          <DropdownMenu.RadioItem
            key={option.value}
            value={option.value}
            onSelect={(event) => event.preventDefault()}
            className={cx(
              "flex h-8 flex-1 cursor-pointer items-center justify-center rounded-s px-2.5 text-s text-muted outline-none select-none",
              "data-highlighted:bg-raised data-highlighted:text-fg data-[state=checked]:bg-raised data-[state=checked]:font-medium data-[state=checked]:text-fg",
            )}
          >
            {option.label}
          </DropdownMenu.RadioItem>
        ))}
      </div>
    </DropdownMenu.RadioGroup>
  );
}
