"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { encode } from "uqr";
import { Button } from "@/components/button";
import { TextField } from "@/components/field";
import { useErrorText } from "@/components/states";
import { ME } from "@/features/auth/use-session";
import type { Schemas } from "@/lib/api/client";
import { useTranslations } from "@/lib/i18n";
import { confirmSecondFactor, newSecondFactor, removeSecondFactor } from "./api";
import { PasswordPrompt } from "./password-prompt";
import { Section } from "./section";

export function SecondFactorSection({ me }: { me: Schemas["Profile"] }) {
  const t = useTranslations("settings");
  const queries = useQueryClient();
  const [asks, setAsks] = useState(false);
  const [setup, setSetup] = useState<Schemas["NewSecondFactor"] | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const change = useMutation({
    mutationFn: async (password: string) => {
      if (me.second_factor) await removeSecondFactor(password);
      else setSetup(await newSecondFactor(password));
    },
    onSuccess: () => {
      setAsks(false);
      void queries.invalidateQueries({ queryKey: ME });
    },
  });
  const confirmed = (recovery: string[]) => {
    setSetup(null);
    setCodes(recovery);
    void queries.invalidateQueries({ queryKey: ME });
  };
  return (
    <Section title={t("secondFactor")} lead={t(me.second_factor ? "secondFactorOn" : "secondFactorOff")}>
      {setup ? (
        <SetUp setup={setup} onConfirmed={confirmed} />
      ) : (
        <Button className="justify-self-start" kind={me.second_factor ? "danger" : "secondary"} onClick={() => setAsks(true)}>
          {t(me.second_factor ? "turnOff" : "setUp")}
        </Button>
      )}
      {codes ? <RecoveryCodes codes={codes} /> : null}
      {asks ? (
        <PasswordPrompt
          title={t("secondFactor")}
          label={t("currentPassword")}
          confirm={t(me.second_factor ? "turnOff" : "setUp")}
          mutation={change}
          onClose={() => setAsks(false)}
        />
      ) : null}
    </Section>
  );
}

function SetUp({ setup, onConfirmed }: { setup: Schemas["NewSecondFactor"]; onConfirmed: (codes: string[]) => void }) {
  const t = useTranslations("settings");
  const errorText = useErrorText();
  const [code, setCode] = useState("");
  const confirm = useMutation({ mutationFn: () => confirmSecondFactor(code), onSuccess: (body) => onConfirmed(body.recovery_codes) });
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        confirm.mutate();
      }}
    >
      <p className="text-s text-muted">{t("scan")}</p>
      <QrCode text={setup.uri} name={t("qr")} />
      <p className="text-s">
        {t("key")} <code className="rounded-s bg-raised px-1.5 py-0.5 break-all">{setup.secret}</code>
      </p>
      <TextField
        label={t("confirmCode")}
        error={confirm.error ? errorText(confirm.error) : null}
        inputMode="numeric"
        autoComplete="one-time-code"
        value={code}
        onChange={(event) => setCode(event.target.value)}
      />
      <Button type="submit" kind="primary" busy={confirm.isPending} className="justify-self-start">
        {t("confirm")}
      </Button>
    </form>
  );
}

/** Dark squares on white, whatever the theme: that is what cameras read. */
function QrCode({ text, name }: { text: string; name: string }) {
  const { data, size } = encode(text, { border: 3 });
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
  return (
    <svg role="img" aria-label={name} viewBox={`0 0 ${size} ${size}`} className="size-48 rounded-s bg-white" shapeRendering="crispEdges">
      <path d={path} className="fill-black" />
    </svg>
  );
}

function RecoveryCodes({ codes }: { codes: string[] }) {
  const t = useTranslations("settings");
  return (
    <div role="status" className="grid gap-2 rounded-s bg-raised p-4">
      <p className="font-medium">{t("recoveryCodes")}</p>
      <p className="text-s text-muted">{t("recoveryHelp")}</p>
      <ul className="tabular grid grid-cols-1 gap-1 text-s sm:grid-cols-2">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
    </div>
  );
}
