"use client";
import { Component, useEffect, useState, type ReactNode } from "react";
import { useTranslations } from "@/lib/i18n";

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

/** The optional scene above the aura. It is decoration: if it fails or takes too long, it is left out. */
export function SplineScene() {
  return SCENE ? (
    <Quiet>
      <Frame />
    </Quiet>
  ) : null;
}

/** Spline's own player in a frame: its 286 kB and its errors stay outside of this page. */
function Frame() {
  const t = useTranslations("landing");
  const [state, setState] = useState<"waiting" | "shown" | "late">("waiting");
  useEffect(() => {
    const timer = setTimeout(() => setState((now) => (now === "waiting" ? "late" : now)), TIMEOUT_MS);
    return () => clearTimeout(timer);
  }, []);
  if (state === "late") return null;
  return (
    <iframe
      src={SCENE}
      title={t("scene")}
      tabIndex={-1}
      loading="lazy"
      sandbox="allow-scripts"
      onLoad={() => setState("shown")}
      className={state === "shown" ? "pointer-events-auto absolute inset-0 size-full border-0" : "invisible absolute inset-0 size-full border-0"}
    />
  );
}
