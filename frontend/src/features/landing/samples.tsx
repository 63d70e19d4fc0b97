"use client";
import { Suspense, useEffect, useRef, useState } from "react";
import { lazyDecoration } from "@/lib/lazy-decoration";

const PublicGallery = lazyDecoration(() => import("@/features/published/public-gallery").then((module) => module.PublicGallery));
/** How far below the screen the place of the gallery may be when it is loaded. */
const MARGIN = "100px";

/** The public videos, loaded when their place comes near the screen: most visitors begin with the prompt. */
export function Samples() {
  const place = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (!place.current) return;
    const view = new IntersectionObserver(([entry]) => entry?.isIntersecting && setNear(true), { rootMargin: MARGIN });
    view.observe(place.current);
    return () => view.disconnect();
  }, []);
  return <div ref={place}><Suspense>{near ? <PublicGallery /> : null}</Suspense></div>;
}
