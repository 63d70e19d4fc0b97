"use client";
import { Component, useEffect, useState, type ReactNode } from "react";
import { useTranslations } from "@/lib/i18n";
import { useMotionAllowed } from "@/lib/use-media";

/** The address of a Spline scene, set when the app is built. Empty: the aura alone. */
const SCENE = process.env.NEXT_PUBLIC_SPLINE_SCENE ?? "";
const TIMEOUT_MS = 8_000;

class Quiet extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };
  static getDerivedStateFromError() {
    return { failed: true };
  }
  override render() {
    return this.state.failed ? null : this.props.children;
  }
}

/** The optional scene above the aura. It is decoration: if it fails, takes too long, or nothing may move, it is left out. */
export function SplineScene() {
  return SCENE ? (
    <Quiet>
      <Moving />
    </Quiet>
  ) : null;
}

function Moving() {
  return useMotionAllowed() ? <Frame /> : null;
}

/** Spline's own player in a frame: its 286 kB and its errors stay outside of this page. */
function Frame() {
  const t = useTranslations("landing");
  const [state, setState] = useState<"asking" | "loading" | "shown" | "failed">("asking");
  useEffect(() => {
    const timer = setTimeout(() => setState((now) => (now === "shown" ? now : "failed")), TIMEOUT_MS);
    const request = new AbortController();
    // A frame reports the browser's error page as loaded; a request of the same address fails.
    fetch(SCENE, { method: "HEAD", mode: "no-cors", credentials: "omit", signal: request.signal }).then(
      () => setState((now) => (now === "asking" ? "loading" : now)),
      () => !request.signal.aborted && setState("failed"),
    );
    return () => {
      clearTimeout(timer);
      request.abort();
    };
  }, []);
  if (state === "asking" || state === "failed") return null;
  return (
    <iframe
      src={SCENE}
      title={t("scene")}
      tabIndex={-1}
      sandbox="allow-scripts"
      onLoad={() => setState("shown")}
      className={state === "shown" ? "pointer-events-auto absolute inset-0 size-full border-0" : "invisible absolute inset-0 size-full border-0"}
    />
  );
}
