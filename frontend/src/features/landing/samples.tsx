"use client";
import dynamic from "next/dynamic";
import { useEffect, useRef, useState } from "react";

const nothing = () => null;
/** Without a network nothing is shown, and the page stays. */
const load = () => import("@/features/published/public-gallery").then((module) => module.PublicGallery, () => nothing);
const PublicGallery = dynamic(load, { ssr: false });
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
  return <div ref={place}>{near ? <PublicGallery /> : null}</div>;
}
