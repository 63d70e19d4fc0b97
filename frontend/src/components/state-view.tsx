import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

/** A grey place of the final size, so that nothing shifts when the content arrives. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cx("animate-breathe rounded-s bg-raised", className)} />;
}

type StateProps = {
  title: string;
  /** Where it is all that a page has. */
  heading?: "h1" | "h2";
  children?: ReactNode;
  icon?: ReactNode;
  action?: ReactNode;
  role?: "alert";
};

/** A page or a list without content: what is the case, and what can be done. */
export function StateView({ title, heading, children, icon, action, role }: StateProps) {
  const Title = heading ?? "p";
  return (
    <div role={role} className="grid justify-items-start gap-3 rounded-l border border-dashed border-border p-6 sm:p-8">
      {icon ? <span className="text-muted [&_svg]:size-6">{icon}</span> : null}
      <Title className="text-l font-medium">{title}</Title>
      {children ? <div className="max-w-prose text-muted">{children}</div> : null}
      {action}
    </div>
  );
}
