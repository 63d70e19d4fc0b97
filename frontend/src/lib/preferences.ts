/** Preferences of this device: theme, motion, data, single keys. */
import { create } from "zustand";
import { persist } from "zustand/middleware";
import { setPreferenceCookie } from "./cookies";
import { THEME_COOKIE, type Theme } from "./theme";

type Preferences = {
  /** Whether decoration and previews move. The system's "reduce motion" always wins. */
  motion: boolean;
  /** Whether previews load when a tile is pointed at. */
  previews: boolean;
  /** Whether keys without Ctrl or Alt do something. */
  singleKeys: boolean;
  /** Whether the browser may notify when a video is finished. */
  notifications: boolean;
  set: (change: Partial<Pick<Preferences, "motion" | "previews" | "singleKeys" | "notifications">>) => void;
};

export const usePreferences = create<Preferences>()(
  persist(
    (set) => ({
      motion: true,
      previews: true,
      singleKeys: true,
      notifications: false,
      set: (change) => set(change),
    }),
    { name: "aura.preferences", skipHydration: true },
  ),
);

export function setTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  setPreferenceCookie(THEME_COOKIE, theme);
}
