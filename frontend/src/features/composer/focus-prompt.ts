import { useEffect, type RefObject } from "react";

const HASH = "#prompt";

/** Moves the focus to the prompt of this page; without one, `open` leads to the page that has it. */
export function goToPrompt(open: (address: string) => void): void {
  const field = document.getElementById("prompt");
  if (field) field.focus();
  else open(`/create${HASH}`);
}

/** Takes the focus when the page is opened at the prompt. */
export function useFocusByAddress(field: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    if (location.hash !== HASH) return;
    field.current?.focus();
    // Going back to this page later does not move the focus.
    history.replaceState(null, "", location.pathname + location.search);
  }, [field]);
}
