import { lazy, type ComponentType } from "react";

const nothing: ComponentType = () => null;

/** What a page can do without. If it cannot be loaded, for lack of a network, nothing is shown and the page stays. */
export function lazyDecoration(load: () => Promise<ComponentType>) {
  return lazy(() =>
    load().then(
      (component) => ({ default: component }),
      () => ({ default: nothing }),
    ),
  );
}
