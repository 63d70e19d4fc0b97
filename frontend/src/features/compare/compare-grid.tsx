"use client";
import Link from "next/link";
import { useEffect, useRef, useState } from "react";
import { Pause, Play } from "lucide-react";
import { IconButton } from "@/components/button";
import { SelectField } from "@/components/field";
import { StateView } from "@/components/states";
import { nameOf, type Video } from "@/features/videos/api";
import { mediaUrl } from "@/lib/api/media";
import { useFormatter, useTranslations } from "@/lib/i18n";
import { align, placeOf, playTogether, shapeOf, start } from "./sync";

const RATES = ["0.25", "0.5", "1"] as const;
const SCRUB_STEP = 0.01;

export function CompareGrid({ videos }: { videos: Video[] }) {
  const t = useTranslations("compare");
  const format = useFormatter();
  const media = useRef(new Map<string, HTMLVideoElement>());
  const [playing, setPlaying] = useState(false);
  const [time, setTime] = useState(0);
  const [rate, setRate] = useState<string>("1");
  const longest = videos.reduce((one, other) => (lengthOf(other) > lengthOf(one) ? other : one));
  const total = lengthOf(longest);
  const leader = longest.id;
  const shape = shapeOf(videos);
  // Two rows fit the screen too.
  const height = videos.length > 2 ? "36svh" : "66svh";

  const seek = (to: number) => {
    setTime(to);
    for (const video of media.current.values()) video.currentTime = placeOf(to, video.duration);
  };
  useEffect(() => {
    const all = media.current;
    const first = all.get(leader);
    const others = [...all].flatMap(([id, video]) => (id === leader ? [] : [video]));
    for (const video of all.values()) {
      video.playbackRate = Number(rate);
      if (playing) start(video);
      else video.pause();
    }
    if (!first) return;
    if (!playing) return align(first, others);
    let frame = requestAnimationFrame(function follow() {
      setTime(first.currentTime);
      playTogether(first, others);
      frame = requestAnimationFrame(follow);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, rate, leader]);

  return (
    <div className="grid gap-4">
      <ul className="grid grid-cols-2 gap-2 sm:gap-4">
        {videos.map((video) => (
          <li key={video.id} className="grid min-w-0 content-start gap-2">
            <Compared
              video={video}
              shape={shape}
              height={height}
              onLoaded={(element) => {
                element.currentTime = placeOf(time, element.duration);
              }}
              onElement={(element) => {
                if (element) media.current.set(video.id, element);
                else media.current.delete(video.id);
              }}
            />
            <Link href={`/v/${video.id}`} className="truncate text-s text-muted hover:text-fg hover:underline">
              {nameOf(video)}
            </Link>
          </li>
        ))}
      </ul>
      <div className="sticky bottom-16 z-10 flex items-center gap-3 rounded-l bg-overlay p-3 shadow-float hairline lg:bottom-4">
        <IconButton name={t(playing ? "pause" : "play")} kind="secondary" disabled={total <= STILL_SECONDS} onClick={() => setPlaying(!playing)}>
          {playing ? <Pause aria-hidden /> : <Play aria-hidden />}
        </IconButton>
        <input
          type="range"
          aria-label={t("position")}
          aria-valuetext={t("time", { at: Math.round(time * 10) / 10, total: Math.round(total * 10) / 10 })}
          min={0}
          max={total}
          step={SCRUB_STEP}
          value={Math.min(time, total)}
          disabled={total <= STILL_SECONDS}
          onChange={(event) => {
            setPlaying(false);
            seek(event.target.valueAsNumber);
          }}
          className="h-6 min-w-0 flex-1 cursor-pointer accent-primary"
        />
        <output className="tabular text-s text-muted max-sm:sr-only">{t("time", { at: Math.round(time * 10) / 10, total: Math.round(total * 10) / 10 })}</output>
        <SelectField
          hideLabel
          label={t("rate")}
          value={rate}
          onChange={(event) => setRate(event.target.value)}
          options={RATES.map((value) => ({ value, label: `${format.number(Number(value))} ×` }))}
        />
      </div>
    </div>
  );
}

/** What cannot be moved by the scrubber: a GIF, or a video that is gone. */
const STILL_SECONDS = 0.01;

function lengthOf(video: Video): number {
  return video.format === "gif" ? STILL_SECONDS : (video.video?.duration_seconds ?? STILL_SECONDS);
}

type ComparedProps = {
  video: Video;
  /** Width by height. */
  shape: number;
  height: string;
  /** It may have been moved before its length was known. */
  onLoaded: (element: HTMLVideoElement) => void;
  onElement: (element: HTMLVideoElement | null) => void;
};

function Compared({ video, shape, height, onLoaded, onElement }: ComparedProps) {
  const t = useTranslations("compare");
  const videos = useTranslations("videos");
  const src = mediaUrl(video.video?.url);
  const name = videos("videoName", { title: nameOf(video) });
  const look = { style: { aspectRatio: shape, width: `min(100%, ${height} * ${shape})` }, className: "mx-auto block rounded-l bg-black object-contain" };
  if (!src) return <StateView title={t("missing")} />;
  if (video.format === "gif") {
    return (
      <>
        <img src={src} alt={name} {...look} />
        <p className="text-s text-muted">{t("gif")}</p>
      </>
    );
  }
  return (
    <video
      ref={onElement}
      src={src}
      poster={mediaUrl(video.poster?.url) ?? undefined}
      aria-label={name}
      muted
      playsInline
      preload="auto"
      onLoadedMetadata={(event) => onLoaded(event.currentTarget)}
      {...look}
    />
  );
}
