/** Durations in words that fit how exactly they are known. */
import { useTranslations } from "@/lib/i18n";

/** 1, 2, 3 … 10, then steps of 5 up to a minute, then of 15 s, then minutes. */
export function rounded(seconds: number): number {
  if (seconds < 10) return Math.max(1, Math.round(seconds));
  if (seconds < 60) return Math.round(seconds / 5) * 5;
  if (seconds < 300) return Math.round(seconds / 15) * 15;
  return Math.round(seconds / 60) * 60;
}

/** The bounds of an estimate: it is a forecast, so it is shown as a range while the range is informative. */
export function range(seconds: number): [number, number] {
  return [rounded(seconds * 0.8), rounded(seconds * 1.25)];
}

export function useDuration(): (seconds: number) => string {
  const t = useTranslations("jobs");
  return (seconds) => {
    if (seconds < 90) return t("seconds", { count: Math.round(seconds) });
    if (seconds < 5400) return t("minutes", { count: Math.round(seconds / 30) / 2 });
    return t("hours", { count: Math.round(seconds / 360) / 10 });
  };
}

/** "20 s to 30 s left", or "about 5 s left". */
export function useTimeLeft(): (seconds: number) => string {
  const t = useTranslations("jobs");
  const duration = useDuration();
  return (seconds) => {
    const [from, to] = range(seconds);
    if (from === to || to < 10) return t("eta", { time: duration(rounded(seconds)) });
    return t("etaRange", { from: duration(from), to: duration(to) });
  };
}
