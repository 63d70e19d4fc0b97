"use client";
import type { FormEvent, ReactNode } from "react";
import { useErrorText } from "@/components/states";

type Props = { title: string; lead?: string; error?: unknown; onSubmit?: () => void; children: ReactNode; footer?: ReactNode };

/** The frame of all account pages: one column, the form first. */
export function AuthCard({ title, lead, error, onSubmit, children, footer }: Props) {
  const errorText = useErrorText();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit?.();
  };
  return (
    <div className="mx-auto grid w-full max-w-sm content-start gap-6 px-4 pt-[12svh] pb-16">
      <header className="grid gap-2">
        <h1 className="text-l font-semibold">{title}</h1>
        {lead ? <p className="text-muted">{lead}</p> : null}
      </header>
      <form onSubmit={submit} className="grid gap-4" noValidate>
        {error ? (
          <p role="alert" className="rounded-s bg-danger/10 px-3 py-2.5 text-s text-danger">
            {errorText(error)}
          </p>
        ) : null}
        {children}
      </form>
      {footer ? <footer className="text-s text-muted">{footer}</footer> : null}
    </div>
  );
}
