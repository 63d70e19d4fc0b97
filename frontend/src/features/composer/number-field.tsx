"use client";
import { TextField } from "@/components/field";

type Props = {
  label: string;
  value: number | null | undefined;
  minimum: number;
  maximum: number;
  step?: number;
  /** What an empty field means; without it, an empty field keeps its value. */
  empty?: string;
  onChange: (value: number | null) => void;
  help?: string;
  error?: string | null;
  off?: string | null;
};

export function NumberField({ label, value, minimum, maximum, step = 1, empty, onChange, ...note }: Props) {
  return (
    <TextField
      {...note}
      label={label}
      type="number"
      inputMode={step === 1 ? "numeric" : "decimal"}
      min={minimum}
      max={maximum}
      step={step}
      placeholder={empty}
      value={value ?? ""}
      onChange={({ target }) => {
        if (target.value !== "") onChange(target.valueAsNumber);
        else if (empty !== undefined) onChange(null);
      }}
      className="tabular"
    />
  );
}
