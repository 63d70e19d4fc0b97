"use client";
import type { UseMutationResult } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { useErrorText } from "@/components/states";
import { PasswordField } from "@/features/auth/password-field";

type Props = {
  title: string;
  label: string;
  confirm: string;
  danger?: boolean;
  mutation: UseMutationResult<void, Error, string>;
  onClose: () => void;
};

/** Prompts for the password before a change for which a stolen session must not be enough. */
export function PasswordPrompt({ title, label, confirm, danger, mutation, onClose }: Props) {
  const errorText = useErrorText();
  const [password, setPassword] = useState("");
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          mutation.mutate(password);
        }}
      >
        <PasswordField
          label={label}
          error={mutation.error ? errorText(mutation.error) : null}
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <Button type="submit" kind={danger ? "danger" : "primary"} busy={mutation.isPending} disabled={!password} className="justify-self-end">
          {confirm}
        </Button>
      </form>
    </Dialog>
  );
}
