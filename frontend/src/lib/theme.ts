export const THEMES = ["dark", "light", "system"] as const;
export type Theme = (typeof THEMES)[number];
export const THEME_COOKIE = "aura_theme";

export function isTheme(value: string | undefined): value is Theme {
  return THEMES.some((theme) => theme === value);
}
