"use client";
import { useEffect, useRef, useState, type Ref } from "react";
import { VideoOff } from "lucide-react";
import { useTranslations } from "@/lib/i18n";

const MAX_HEIGHT = "72svh";
/** How long a new link may take before the player says that the video cannot be played. */
const RENEWAL_MS = 10_000;

type Props = {
  src: string;
  poster?: string | null;
  name: string;
  /** Of a frame, in pixels: the place is reserved before the video arrives. */
  size: { width: number; height: number };
  /** A GIF is a picture that plays by itself. */
  isGif: boolean;
  /** Requests a new link, because the one of `src` has expired. */
  onExpired: () => void;
  autoPlay?: boolean;
  ref?: Ref<HTMLVideoElement>;
};

/**
 * Plays a video of a signed link. A new link replaces the one that plays only when that one no longer works, and playing
 * goes on at the same place.
 */
export function Player({ src, poster, name, size, isGif, onExpired, autoPlay = true, ref }: Props) {
  const t = useTranslations("videos");
  const [playing, setPlaying] = useState(src);
  const [state, setState] = useState<"playing" | "renewing" | "failed">("playing");
  const place = useRef(0);
  if (state === "renewing" && src !== playing) setPlaying(src);
  useEffect(() => {
    if (state !== "renewing") return;
    const timer = setTimeout(() => setState("failed"), RENEWAL_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const ratio = size.width / size.height;
  const style = { aspectRatio: ratio, width: `min(100%, ${MAX_HEIGHT} * ${ratio})` };
  const look = "mx-auto block rounded-l bg-black object-contain";
  const onError = () => {
    if (state === "playing") onExpired();
    setState(state === "playing" ? "renewing" : "failed");
  };
  const onLoaded = () => setState("playing");
  if (state === "failed") {
    return (
      <div role="img" aria-label={name} style={style} className="mx-auto grid min-h-48 place-content-center justify-items-center gap-3 rounded-l bg-raised p-6 text-center text-muted">
        <VideoOff aria-hidden className="size-6" />
        {t("unplayable")}
      </div>
    );
  }
  if (isGif) return <img src={playing} alt={name} onError={onError} onLoad={onLoaded} style={style} className={look} />;
  return (
    <video
      ref={ref}
      src={playing}
      poster={poster ?? undefined}
      aria-label={name}
      controls
      autoPlay={autoPlay}
      loop
      muted
      playsInline
      preload="metadata"
      style={style}
      className={look}
      onError={onError}
      onTimeUpdate={(event) => {
        if (event.currentTarget.currentTime > 0) place.current = event.currentTarget.currentTime;
      }}
      onLoadedMetadata={(event) => {
        onLoaded();
        if (place.current > 0) event.currentTarget.currentTime = place.current;
      }}
    />
  );
}
