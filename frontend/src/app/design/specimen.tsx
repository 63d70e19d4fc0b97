import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

/** A part of the page, with an address of its own. */
export function Part({ id, title, children }: { id: string; title: string; children: ReactNode }) {
  return (
    <section id={id} aria-labelledby={`${id}-title`} className="grid scroll-mt-20 grid-cols-[minmax(0,1fr)] gap-8 border-t border-border pt-8">
      <h2 id={`${id}-title`} className="text-l font-semibold">
        {title}
      </h2>
      {children}
    </section>
  );
}

const LOOKS = {
  row: "flex flex-wrap items-center gap-3",
  grid: "grid items-start gap-6 sm:grid-cols-2 xl:grid-cols-3",
  pair: "grid items-start gap-4 lg:grid-cols-2",
  stack: "grid grid-cols-[minmax(0,1fr)] gap-4",
};

/** One component in its states. `of` is its name in the sources. */
export function Specimen({ of, look = "row", children }: { of: string; look?: keyof typeof LOOKS; children: ReactNode }) {
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-3 md:grid-cols-[9rem_minmax(0,1fr)] md:gap-8">
      <p className="pt-2 text-s text-muted">{of}</p>
      <div className={cx(LOOKS[look])}>{children}</div>
    </div>
  );
}
