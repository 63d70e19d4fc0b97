"use client";
import { useId, type ComponentProps, type ReactNode } from "react";
import { cx } from "@/lib/cx";

export const inputClass = cx(
  "w-full rounded-s border border-input bg-bg px-3 text-fg transition-colors",
  "focus:border-ring focus:outline-2 focus:-outline-offset-1 focus:outline-ring",
  "disabled:opacity-45 aria-invalid:border-danger",
);

type FieldProps = {
  label: ReactNode;
  help?: ReactNode;
  error?: ReactNode;
  /** Why the field cannot apply now. It disables the control. */
  off?: string | null;
  hideLabel?: boolean;
  aside?: ReactNode;
  children: (control: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": true | undefined;
    disabled: boolean | undefined;
  }) => ReactNode;
};

/** A label, a control, and its hint or error. */
export function Field({ label, help, error, off, hideLabel, aside, children }: FieldProps) {
  const id = useId();
  const note = error ?? off ?? help;
  return (
    <div className="grid gap-1.5">
      <div className={cx("flex items-baseline justify-between gap-3", hideLabel && "sr-only")}>
        <label htmlFor={id} className={cx("text-s font-medium", off ? "text-muted" : "text-fg")}>
          {label}
        </label>
        {aside}
      </div>
      {children({
        id,
        "aria-describedby": note ? `${id}-note` : undefined,
        "aria-invalid": error ? true : undefined,
        disabled: off ? true : undefined,
      })}
      {note ? (
        <p id={`${id}-note`} className={cx("text-s", error ? "text-danger" : "text-muted")}>
          {note}
        </p>
      ) : null}
    </div>
  );
}

type Described = Omit<FieldProps, "children">;

export function TextField({ label, help, error, off, hideLabel, aside, className, ...input }: Described & ComponentProps<"input">) {
  return (
    <Field {...{ label, help, error, off, hideLabel, aside }}>
      {(control) => <input {...input} {...control} disabled={control.disabled ?? input.disabled} className={cx(inputClass, "h-10", className)} />}
    </Field>
  );
}

type SelectProps = Described & Omit<ComponentProps<"select">, "children"> & { options: { value: string; label: string; disabled?: boolean }[] };

export function SelectField({ label, help, error, off, hideLabel, aside, options, ...select }: SelectProps) {
  return (
    <Field {...{ label, help, error, off, hideLabel, aside }}>
      {(control) => (
        <select {...select} {...control} disabled={control.disabled ?? select.disabled} className={cx(inputClass, "h-10 pr-8")}>
          {options.map((option) => (
            <option key={option.value} value={option.value} disabled={option.disabled}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
