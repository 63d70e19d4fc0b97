import { useSyncExternalStore } from "react";

const noSubscription = () => () => undefined;

/** False on the server and in the first render of the browser: for what only the browser knows, such as its time zone. */
export function useHydrated(): boolean {
  return useSyncExternalStore(
    noSubscription,
    () => true,
    () => false,
  );
}
