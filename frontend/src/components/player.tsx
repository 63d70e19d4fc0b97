"use client";
import { useRef, useState } from "react";
import { cx } from "@/lib/cx";

type Props = {
  src: string;
  poster?: string | null;
  name: string;
  /** A GIF is a picture that plays by itself. */
  isGif: boolean;
  /** When the link of `src` ends. */
  expiresAt: string;
  /** Asks for a new link. */
  onExpired: () => void;
  autoPlay?: boolean;
  className?: string;
};

/**
 * Plays a video of a signed link. A new link replaces the one that plays only where that one no longer works, and playing
 * goes on at the same place.
 */
export function Player({ src, poster, name, isGif, expiresAt, onExpired, autoPlay = true, className }: Props) {
  const [playing, setPlaying] = useState({ src, expiresAt });
  const place = useRef(0);
  const failed = useRef(false);
  if (src !== playing.src && Date.parse(playing.expiresAt) < Date.now()) setPlaying({ src, expiresAt });
  const look = cx("max-h-[74svh] w-full rounded-l bg-black object-contain", className);
  if (isGif) return <img src={playing.src} alt={name} className={look} />;
  return (
    <video
      src={playing.src}
      poster={poster ?? undefined}
      aria-label={name}
      controls
      autoPlay={autoPlay}
      loop
      muted
      playsInline
      preload="metadata"
      className={look}
      onTimeUpdate={(event) => {
        if (event.currentTarget.currentTime > 0) place.current = event.currentTarget.currentTime;
      }}
      onLoadedMetadata={(event) => {
        failed.current = false;
        if (place.current > 0) event.currentTarget.currentTime = place.current;
      }}
      onError={() => {
        if (failed.current) return;
        failed.current = true;
        onExpired();
      }}
    />
  );
}
