"use client";
import { useEffect, useImperativeHandle, useRef, useState, type CSSProperties, type Ref } from "react";
import { Pause, Play, VideoOff } from "lucide-react";
import { useTranslations } from "@/lib/i18n";
import { useMotionAllowed } from "@/lib/use-media";
import { IconButton } from "./button";

const MAX_HEIGHT = "72svh";
/** How long a new link may take before the player says that the video cannot be played. */
const RENEWAL_MS = 10_000;

const LOOK = "block rounded-l bg-black object-contain";

type Props = {
  src: string;
  poster?: string | null;
  name: string;
  /** Of a frame, in pixels: the place is reserved before the video arrives. */
  size: { width: number; height: number };
  /** A GIF is a picture. */
  isGif: boolean;
  /** Requests a new link, because the one of `src` has expired. */
  onExpired: () => void;
  autoPlay?: boolean;
  ref?: Ref<HTMLVideoElement | null>;
};

/**
 * Plays a video of a signed link. A new link replaces the one that plays only when that one no longer works, and playing
 * goes on at the same place. With reduced motion nothing plays by itself.
 */
export function Player({ src, poster, name, size, isGif, onExpired, autoPlay = true, ref }: Props) {
  const t = useTranslations("videos");
  const [playing, setPlaying] = useState(src);
  const [state, setState] = useState<"playing" | "renewing" | "failed">("playing");
  const motion = useMotionAllowed();
  const element = useRef<HTMLVideoElement>(null);
  const place = useRef(0);
  const runs = useRef(false);
  useImperativeHandle<HTMLVideoElement | null, HTMLVideoElement | null>(ref, () => element.current);
  // A page of the server plays at once: what the visitor prefers is known after it.
  useEffect(() => {
    if (!motion) element.current?.pause();
  }, [motion]);
  if (state === "renewing" && src !== playing) setPlaying(src);
  useEffect(() => {
    if (state !== "renewing") return;
    const timer = setTimeout(() => setState("failed"), RENEWAL_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const ratio = size.width / size.height;
  const style = { aspectRatio: ratio, width: `min(100%, ${MAX_HEIGHT} * ${ratio})` };
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
  if (isGif) return <Gif src={playing} poster={poster} name={name} style={style} onError={onError} onLoad={onLoaded} />;
  return (
    <video
      ref={element}
      src={playing}
      poster={poster ?? undefined}
      aria-label={name}
      controls
      autoPlay={autoPlay && motion}
      loop
      muted
      playsInline
      preload="metadata"
      style={style}
      className={`${LOOK} mx-auto`}
      onError={onError}
      onPlay={() => {
        runs.current = true;
      }}
      onPause={() => {
        runs.current = false;
      }}
      onTimeUpdate={(event) => {
        if (event.currentTarget.currentTime > 0) place.current = event.currentTarget.currentTime;
      }}
      onLoadedMetadata={(event) => {
        onLoaded();
        if (place.current === 0) return;
        event.currentTarget.currentTime = place.current;
        if (runs.current) event.currentTarget.play().catch(() => undefined);
      }}
    />
  );
}

type GifProps = { src: string; poster?: string | null; name: string; style: CSSProperties; onError: () => void; onLoad: () => void };

/** A GIF has no controls: it is stopped by showing its poster. */
function Gif({ src, poster, name, style, onError, onLoad }: GifProps) {
  const t = useTranslations("jobs");
  const motion = useMotionAllowed();
  const [chosen, setChosen] = useState<boolean | null>(null);
  const moves = !poster || (chosen ?? motion);
  return (
    <div className="relative mx-auto" style={style}>
      <img src={moves ? src : poster} alt={name} onError={moves ? onError : undefined} onLoad={onLoad} className={`${LOOK} size-full`} />
      {poster ? (
        <IconButton name={t(moves ? "pause" : "play")} onClick={() => setChosen(!moves)} className="absolute right-3 bottom-3 bg-black/60 text-white enabled:hover:bg-black/80 enabled:hover:text-white">
          {moves ? <Pause aria-hidden /> : <Play aria-hidden />}
        </IconButton>
      ) : null}
    </div>
  );
}
