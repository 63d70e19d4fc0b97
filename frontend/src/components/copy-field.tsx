"use client";
import { useEffect, useRef, useState } from "react";
import { Check, Copy } from "lucide-react";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";
import { IconButton } from "./button";
import { Field, inputClass } from "./field";

type Props = { label: string; help?: string; value: string; takesFocus?: boolean };

/** A value to take along: selected when it is focused, with a button that copies it. */
export function CopyField({ label, help, value, takesFocus = true }: Props) {
  const t = useTranslations("common");
  const [copied, setCopied] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  // It takes the place of the form that made the value, and of its focus.
  useEffect(() => {
    if (takesFocus) field.current?.focus({ preventScroll: true });
  }, [takesFocus]);
  const copy = () => {
    // Without TLS there is no clipboard; the text is selected then.
    void navigator.clipboard?.writeText(value).then(() => setCopied(true));
  };
  return (
    <Field label={label} help={help}>
      {(control) => (
        <span className="relative block">
          <input {...control} ref={field} readOnly value={value} onFocus={(event) => event.target.select()} className={cx(inputClass, "tabular h-10 pr-11")} />
          <IconButton name={t(copied ? "copied" : "copy")} size="s" className="absolute top-1 right-1" onClick={copy}>
            {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
          </IconButton>
        </span>
      )}
    </Field>
  );
}
