import type { ReactNode } from "react";

/** A table that scrolls inside its own frame where it is wider than the screen. */
export function Table({ label, head, children }: { label: string; head: string[]; children: ReactNode }) {
  return (
    // A frame that scrolls can be reached with the keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div role="region" aria-label={label} tabIndex={0} className="overflow-x-auto rounded-l border border-border">
      <table className="w-full border-collapse text-left text-s">
        <thead className="bg-raised text-muted">
          <tr>
            {head.map((name) => (
              <th key={name} scope="col" className="px-4 py-2.5 font-medium whitespace-nowrap">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="[&_td]:border-t [&_td]:border-border [&_td]:px-4 [&_td]:py-2.5 [&_td]:align-middle">{children}</tbody>
      </table>
    </div>
  );
}
