"use client";
import { useEffect, useRef, useState, useSyncExternalStore, type ComponentProps } from "react";
import { usePreferences } from "@/lib/preferences";
import { useMotionAllowed } from "@/lib/use-media";
import { cx } from "@/lib/cx";

const DELAY_MS = 120;

/** One preview at a time: the newest one stops the others. */
let stopCurrent: (() => void) | null = null;

const isTouch = (event: Event) => "pointerType" in event && event.pointerType === "touch";

const noSubscription = () => () => undefined;
const savesData = () => (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true;

/** Whether previews may load: not with reduced motion, Save-Data, or switched off in the settings. */
export function usePreviewsAllowed(): boolean {
  const saveData = useSyncExternalStore(noSubscription, savesData, () => true);
  const wanted = usePreferences((preferences) => preferences.previews);
  return useMotionAllowed() && wanted && !saveData;
}

type Props = Omit<ComponentProps<"span">, "children"> & {
  poster: string | null;
  /** A small animated picture. It loads when it is shown. */
  preview: string | null;
  alt: string;
  fit?: "cover" | "contain";
};

/**
 * A still picture that moves while it, or the link or button around it, is pointed at or focused. On touch screens the
 * first tap on the picture of a link plays the preview, and the second one follows the link. A button acts at once.
 */
export function MovingPoster({ poster, preview, alt, fit = "cover", className, ...rest }: Props) {
  const allowed = usePreviewsAllowed();
  const root = useRef<HTMLSpanElement>(null);
  const [moving, setMoving] = useState(false);
  useEffect(() => {
    const target = root.current?.closest<HTMLElement>("[data-preview], a, button") ?? root.current;
    if (!target || !preview || !allowed) return;
    const picture = root.current?.closest("button") ? null : root.current;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let touched = false;
    const stop = () => {
      clearTimeout(timer);
      setMoving(false);
      if (stopCurrent === stop) stopCurrent = null;
    };
    const play = () => {
      clearTimeout(timer);
      if (stopCurrent !== stop) stopCurrent?.();
      stopCurrent = stop;
      setMoving(true);
    };
    const start = (event: Event) => {
      if (isTouch(event)) return;
      clearTimeout(timer);
      timer = setTimeout(play, DELAY_MS);
    };
    const end = (event: Event) => {
      if (event.type === "pointercancel") touched = false;
      if (!isTouch(event)) stop();
    };
    const touch = (event: Event) => {
      touched = isTouch(event);
    };
    const tap = (event: Event) => {
      if (!touched) return;
      touched = false;
      if (stopCurrent === stop) return stop();
      event.preventDefault();
      play();
    };
    const starts = ["pointerenter", "focusin"] as const;
    const ends = ["pointerleave", "pointercancel", "focusout"] as const;
    starts.forEach((name) => target.addEventListener(name, start));
    ends.forEach((name) => target.addEventListener(name, end));
    picture?.addEventListener("pointerdown", touch);
    picture?.addEventListener("click", tap);
    return () => {
      starts.forEach((name) => target.removeEventListener(name, start));
      ends.forEach((name) => target.removeEventListener(name, end));
      picture?.removeEventListener("pointerdown", touch);
      picture?.removeEventListener("click", tap);
      stop();
    };
  }, [preview, allowed]);
  const shown = moving && preview && allowed ? preview : poster;
  const image = cx("size-full", fit === "cover" ? "object-cover" : "object-contain");
  return (
    <span ref={root} {...rest} data-moving={moving || undefined} className={cx("block size-full", className)}>
      {shown ? <img src={shown} alt={alt} loading="lazy" decoding="async" draggable={false} className={image} /> : null}
    </span>
  );
}
