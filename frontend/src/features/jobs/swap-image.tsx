"use client";
import { useEffect, useState, type ComponentProps } from "react";

/** A picture whose address changes: the old one stays until the new one is loaded. */
export function SwapImage({ src, alt, ...rest }: Omit<ComponentProps<"img">, "src"> & { src: string }) {
  const [shown, setShown] = useState(src);
  useEffect(() => {
    if (src === shown) return;
    const next = new Image();
    next.onload = () => setShown(src);
    next.src = src;
    return () => {
      next.onload = null;
    };
  }, [src, shown]);
  return <img {...rest} src={shown} alt={alt} />;
}
