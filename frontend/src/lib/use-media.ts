import { useSyncExternalStore } from "react";
import { usePreferences } from "./preferences";

/** Whether a media query matches; false on the server. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (notify) => {
      const list = matchMedia(query);
      list.addEventListener("change", notify);
      return () => list.removeEventListener("change", notify);
    },
    () => matchMedia(query).matches,
    () => false,
  );
}

/** Whether things may move: neither the system nor the person has switched motion off. */
export function useMotionAllowed(): boolean {
  const reduced = useMedia("(prefers-reduced-motion: reduce)");
  return usePreferences((preferences) => preferences.motion) && !reduced;
}
