"use client";
import { useState, type ComponentProps } from "react";
import { Eye, EyeOff } from "lucide-react";
import { IconButton } from "@/components/button";
import { Field, inputClass } from "@/components/field";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";

type Props = { label: string; help?: string; error?: string | null } & ComponentProps<"input">;

export function PasswordField({ label, help, error, ...input }: Props) {
  const t = useTranslations("auth");
  const [shown, setShown] = useState(false);
  return (
    <Field label={label} help={help} error={error}>
      {(control) => (
        <span className="relative block">
          <input {...input} {...control} type={shown ? "text" : "password"} className={cx(inputClass, "h-10 pr-11")} />
          <IconButton
            name={t(shown ? "hidePassword" : "showPassword")}
            size="s"
            className="absolute top-1 right-1"
            onClick={() => setShown(!shown)}
          >
            {shown ? <EyeOff aria-hidden /> : <Eye aria-hidden />}
          </IconButton>
        </span>
      )}
    </Field>
  );
}
