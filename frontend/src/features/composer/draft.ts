/** What is being written, kept on this device: leaving the page loses nothing. */
import { create } from "zustand";
import { persist } from "zustand/middleware";
import type { Request } from "@/features/jobs/job";
import { DEFAULTS, settingsOf, type SettingName, type Settings } from "./settings";

const MAX_HISTORY = 50;

type Draft = {
  prompt: string;
  settings: Settings;
  mode: "simple" | "advanced";
  variations: number;
  /** Whether the prompts that the model would get are shown. */
  preview: boolean;
  /** Earlier prompts, newest first. */
  history: string[];
  setPrompt: (prompt: string) => void;
  set: <N extends SettingName>(name: N, value: Settings[N]) => void;
  change: (settings: Partial<Settings>) => void;
  setMode: (mode: Draft["mode"]) => void;
  setVariations: (variations: number) => void;
  setPreview: (preview: boolean) => void;
  /** Take over an earlier request. */
  use: (request: Request) => void;
  reset: () => void;
  remember: (prompt: string) => void;
};

export const useDraft = create<Draft>()(
  persist(
    (set) => ({
      prompt: "",
      settings: DEFAULTS,
      mode: "simple",
      variations: 1,
      preview: false,
      history: [],
      setPrompt: (prompt) => set({ prompt }),
      set: (name, value) => set(({ settings }) => ({ settings: { ...settings, [name]: value } })),
      change: (change) => set(({ settings }) => ({ settings: { ...settings, ...change } })),
      setMode: (mode) => set({ mode }),
      setVariations: (variations) => set({ variations }),
      setPreview: (preview) => set({ preview }),
      use: (request) => set({ prompt: request.prompt, settings: settingsOf(request), variations: 1 }),
      reset: () => set({ settings: DEFAULTS, variations: 1 }),
      remember: (prompt) => set(({ history }) => ({ history: [prompt, ...history.filter((one) => one !== prompt)].slice(0, MAX_HISTORY) })),
    }),
    {
      name: "aura.draft",
      // Until version 1, prompt changes were an object as in a request.
      version: 2,
      migrate: (stored) => {
        const draft = stored as { settings?: object };
        return { ...draft, settings: settingsOf({ prompt: "", ...draft.settings }) };
      },
      skipHydration: true,
      partialize: ({ prompt, settings, mode, variations, preview, history }) => ({ prompt, settings, mode, variations, preview, history }),
      merge: (stored, current) => {
        const draft = { ...current, ...(stored as Partial<Draft>) };
        return { ...draft, settings: { ...DEFAULTS, ...draft.settings } };
      },
    },
  ),
);
