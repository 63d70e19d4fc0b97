import { useId, type ReactNode } from "react";

/** A block of the settings: its heading on the left, its controls on the right. */
export function Section({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="grid gap-4 border-t border-border py-8 md:grid-cols-[16rem_minmax(0,1fr)] md:gap-10">
      <div className="grid content-start gap-1">
        <h2 id={id} className="font-semibold">
          {title}
        </h2>
        {lead ? <p className="text-s text-pretty text-muted">{lead}</p> : null}
      </div>
      <div className="grid max-w-md content-start gap-4">{children}</div>
    </section>
  );
}
