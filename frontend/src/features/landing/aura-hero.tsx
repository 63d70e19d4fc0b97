"use client";
import { Suspense, useEffect, useRef, useState } from "react";
import { Pause, Play } from "lucide-react";
import { IconButton } from "@/components/button";
import { useTranslations } from "@/lib/i18n";
import { lazyDecoration } from "@/lib/lazy-decoration";
import { useMotionAllowed } from "@/lib/use-media";
import { cx } from "@/lib/cx";
import { startAura, type AuraRenderer } from "./aura-renderer";

/** Loaded only if a scene is set. */
const SplineScene = lazyDecoration(() => import("./spline-scene").then((module) => module.SplineScene));

/** Whether the page is light now, whichever way that was decided. */
function isLight(): boolean {
  const { colorScheme } = getComputedStyle(document.documentElement);
  return colorScheme === "light" || (colorScheme === "light dark" && matchMedia("(prefers-color-scheme: light)").matches);
}

/** The moving background of the landing page: WebGL, or CSS where that is missing, slow or lost. */
export function AuraHero() {
  const t = useTranslations("landing");
  const canvas = useRef<HTMLCanvasElement>(null);
  const renderer = useRef<AuraRenderer | null>(null);
  const [mode, setMode] = useState<"starting" | "webgl" | "css">("starting");
  const [paused, setPaused] = useState(false);
  const motion = useMotionAllowed();
  const moving = motion && !paused;

  useEffect(() => {
    if (!canvas.current) return;
    const started = startAura(canvas.current, false, isLight(), () => setMode("css"));
    renderer.current = started;
    setMode(started ? "webgl" : "css");
    const theme = new MutationObserver(() => started?.setLight(isLight()));
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      theme.disconnect();
      started?.stop();
      renderer.current = null;
    };
  }, []);
  useEffect(() => renderer.current?.setMoving(moving), [moving, mode]);

  return (
    <>
      <div aria-hidden data-aura={mode} className="pointer-events-none absolute inset-0 overflow-hidden">
        {mode === "css" ? (
          <CssAura />
        ) : (
          <canvas ref={canvas} className={cx("size-full transition-opacity duration-[240ms]", mode === "starting" && "opacity-0")} />
        )}
        {process.env.NEXT_PUBLIC_SPLINE_SCENE ? (
          <Suspense>
            <SplineScene />
          </Suspense>
        ) : null}
        <div className="absolute inset-x-0 bottom-0 h-40 bg-linear-to-t from-bg to-transparent" />
      </div>
      {motion && mode === "webgl" ? (
        <IconButton
          name={t(paused ? "play" : "pause")}
          size="s"
          className="absolute right-4 bottom-4 z-10 sm:right-6"
          onClick={() => setPaused(!paused)}
        >
          {paused ? <Play aria-hidden /> : <Pause aria-hidden />}
        </IconButton>
      ) : null}
    </>
  );
}

/** The aura without WebGL: still, because the machine that needs it draws every frame without a graphics card. */
export function CssAura() {
  return <div className="aura-still absolute inset-0" />;
}
