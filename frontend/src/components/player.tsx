"use client";
import { useRef, useState } from "react";
import { VideoOff } from "lucide-react";
import { useTranslations } from "@/lib/i18n";
import { cx } from "@/lib/cx";

type Props = {
  src: string;
  poster?: string | null;
  name: string;
  /** A GIF is a picture that plays by itself. */
  isGif: boolean;
  /** Asks for a new link, because the one of `src` has ended. */
  onExpired: () => void;
  autoPlay?: boolean;
  className?: string;
};

/**
 * Plays a video of a signed link. A new link replaces the one that plays only when that one no longer works, and playing
 * goes on at the same place.
 */
export function Player({ src, poster, name, isGif, onExpired, autoPlay = true, className }: Props) {
  const t = useTranslations("videos");
  const [playing, setPlaying] = useState(src);
  const [state, setState] = useState<"playing" | "renewing" | "failed">("playing");
  const place = useRef(0);
  if (state === "renewing" && src !== playing) setPlaying(src);
  const look = cx("max-h-[74svh] w-full rounded-l bg-black object-contain", className);
  const onError = () => {
    if (state === "playing") onExpired();
    setState(state === "playing" ? "renewing" : "failed");
  };
  const onLoaded = () => setState("playing");
  if (state === "failed") {
    return (
      <div role="img" aria-label={name} className={cx("grid min-h-48 place-content-center justify-items-center gap-3 rounded-l bg-raised p-6 text-muted", className)}>
        <VideoOff aria-hidden className="size-6" />
        {t("unplayable")}
      </div>
    );
  }
  if (isGif) return <img src={playing} alt={name} onError={onError} onLoad={onLoaded} className={look} />;
  return (
    <video
      src={playing}
      poster={poster ?? undefined}
      aria-label={name}
      controls
      autoPlay={autoPlay}
      loop
      muted
      playsInline
      preload="metadata"
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
