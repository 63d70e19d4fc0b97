import { cx } from "@/lib/cx";

type Props = { label: string; value: number; text: string; active?: boolean; className?: string };

/** A bar from 0 to 1 that moves smoothly between two values. The aura flows through it while work goes on. */
export function ProgressBar({ label, value, text, active, className }: Props) {
  const percent = Math.round(Math.min(1, Math.max(0, value)) * 100);
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      aria-valuetext={text}
      className={cx("h-1.5 overflow-hidden rounded-full bg-raised", className)}
    >
      <div
        className={cx(
          "h-full w-full origin-left rounded-full aura-fill transition-transform duration-[600ms] ease-out",
          active && "animate-flow bg-size-[200%_100%]",
        )}
        style={{ transform: `scaleX(${percent / 100})` }}
      />
    </div>
  );
}
