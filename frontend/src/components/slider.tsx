"use client";
import { Field } from "./field";

type Props = {
  label: string;
  value: number;
  minimum: number;
  maximum: number;
  step: number;
  onChange: (value: number) => void;
  shown: string;
  help?: string;
  error?: string | null;
  off?: string | null;
};

/** A number with limits: a slider, and its value in words. */
export function Slider({ label, value, minimum, maximum, step, onChange, shown, help, error, off }: Props) {
  return (
    <Field label={label} help={help} error={error} off={off} aside={<output className="tabular text-s text-muted">{shown}</output>}>
      {(control) => (
        <input
          {...control}
          type="range"
          min={minimum}
          max={maximum}
          step={step}
          value={value}
          aria-valuetext={shown}
          onChange={(event) => onChange(event.target.valueAsNumber)}
          className="h-6 w-full cursor-pointer accent-primary disabled:opacity-45"
        />
      )}
    </Field>
  );
}
