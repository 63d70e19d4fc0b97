"use client";
import { useState } from "react";
import { Copy, Plus, Square, Trash2 } from "lucide-react";
import { Button, IconButton } from "@/components/button";
import { Chip } from "@/components/chip";
import { CopyField } from "@/components/copy-field";
import { Field, SelectField, TextField, inputClass } from "@/components/field";
import { Menu, MenuItem, MenuLabel, MenuRadio, MenuSeparator } from "@/components/menu";
import { Segmented } from "@/components/segmented";
import { Slider } from "@/components/slider";
import { Switch } from "@/components/switch";
import { PasswordField } from "@/features/auth/password-field";
import { NumberField } from "@/features/composer/number-field";
import { SeedField } from "@/features/composer/seed-field";
import { useTranslations } from "@/lib/i18n";
import { Specimen } from "./specimen";

const KINDS = ["primary", "secondary", "quiet", "danger"] as const;
const SIZES = ["s", "m", "l"] as const;
const none = () => undefined;

/** Buttons, fields and choices: at rest, busy, off, wrong. */
export function Controls() {
  const t = useTranslations();
  return (
    <>
      <Specimen of="Button" look="stack">
        {KINDS.map((kind) => (
          <div key={kind} className="flex flex-wrap items-center gap-2">
            {SIZES.map((size) => (
              <Button key={size} kind={kind} size={size}>
                {t("composer.generate")}
              </Button>
            ))}
            <Button kind={kind} icon={<Plus aria-hidden className="size-4" />}>
              {t("composer.generate")}
            </Button>
            <Button kind={kind} busy>
              {t("composer.generate")}
            </Button>
            <Button kind={kind} disabled>
              {t("composer.generate")}
            </Button>
          </div>
        ))}
        <Button kind="primary" size="l" wide className="max-w-sm">
          {t("composer.generate")}
        </Button>
      </Specimen>
      <Specimen of="IconButton">
        <IconButton name={t("jobs.remove")}>
          <Trash2 aria-hidden />
        </IconButton>
        <IconButton kind="secondary" name={t("jobs.remove")}>
          <Trash2 aria-hidden />
        </IconButton>
        <IconButton size="s" name={t("jobs.remove")}>
          <Trash2 aria-hidden />
        </IconButton>
        <IconButton name={t("jobs.remove")} disabled>
          <Trash2 aria-hidden />
        </IconButton>
      </Specimen>
      <Specimen of="Chip">
        <Chip>{t("composer.promptPlaceholder")}</Chip>
        <Chip aria-pressed>{t("videos.favourite")}</Chip>
        <Chip disabled>{t("videos.favourite")}</Chip>
      </Specimen>
      <Specimen of="Menu">
        <SampleMenu />
      </Specimen>
      <Fields />
      <Choices />
    </>
  );
}

function Fields() {
  const t = useTranslations();
  const [seed, setSeed] = useState<number | null>(7);
  return (
    <>
      <Specimen of="TextField" look="grid">
        <TextField label={t("auth.email")} help={t("auth.forgotLead")} />
        <TextField label={t("auth.email")} defaultValue="me@" error={t("errors.invalid_request")} />
        <TextField label={t("composer.denoise_strength")} off={t("composer.off.denoise")} />
      </Specimen>
      <Specimen of="Field" look="grid">
        <Field label={t("published.details")} aside={<span className="tabular text-s text-muted">{0}</span>}>
          {(control) => <textarea {...control} rows={2} className={`${inputClass} py-2`} />}
        </Field>
        <PasswordField label={t("auth.newPassword")} help={t("auth.passwordHelp")} />
        <CopyField label={t("videos.shareLink")} help={t("videos.shareOnce")} value="https://video.example/s/1a2b3c" takesFocus={false} />
      </Specimen>
      <Specimen of="SelectField" look="grid">
        <SelectField label={t("composer.motion")} options={[{ value: "", label: t("composer.noMotion") }]} />
        <SelectField label={t("composer.motion")} off={t("composer.off.travelLoop")} options={[{ value: "", label: t("composer.noMotion") }]} />
        <SelectField label={t("composer.motion")} error={t("errors.invalid_request")} options={[{ value: "", label: t("composer.noMotion") }]} />
      </Specimen>
      <Specimen of="NumberField" look="grid">
        <NumberField label={t("composer.width")} minimum={128} maximum={2048} step={2} value={512} onChange={none} />
        <NumberField label={t("composer.num_inference_steps")} minimum={1} maximum={100} value={null} empty={t("composer.modelDefault", { value: "20" })} onChange={none} />
        <SeedField value={seed} error={null} onChange={setSeed} />
      </Specimen>
    </>
  );
}

function Choices() {
  const t = useTranslations();
  const [on, setOn] = useState(true);
  const [ratio, setRatio] = useState("a");
  const [amount, setAmount] = useState(24);
  const ratios = [
    { value: "a", label: t("composer.ratioSquare"), icon: <Square aria-hidden className="size-3.5" /> },
    { value: "b", label: t("composer.ratioWide") },
    { value: "c", label: t("composer.ratioTall") },
  ];
  return (
    <>
      <Specimen of="Segmented" look="grid">
        <Segmented label={t("composer.ratio")} value={ratio} onChange={setRatio} options={ratios} />
        <Segmented hideLabel label={t("composer.ratio")} value={ratio} onChange={setRatio} options={ratios.slice(1)} />
      </Specimen>
      <Specimen of="Slider" look="grid">
        <Slider label={t("composer.fps")} value={amount} minimum={8} maximum={60} step={1} shown={String(amount)} onChange={setAmount} />
        <Slider label={t("composer.fps")} value={8} minimum={8} maximum={60} step={1} shown="8" off={t("composer.off.denoise")} onChange={none} />
      </Specimen>
      <Specimen of="Switch" look="grid">
        <Switch label={t("composer.enhance")} help={t("composer.loopHelp")} checked={on} onChange={setOn} />
        <Switch label={t("composer.embed_prompt")} checked={!on} onChange={(value) => setOn(!value)} />
        <Switch label={t("composer.loop")} checked={false} off={t("composer.off.travelLoop")} onChange={none} />
      </Specimen>
    </>
  );
}

function SampleMenu() {
  const t = useTranslations();
  const [theme, setTheme] = useState("dark");
  return (
    <Menu align="start" trigger={<Button>{t("common.more")}</Button>}>
      <MenuLabel>{t("shell.account")}</MenuLabel>
      <MenuItem icon={<Copy aria-hidden />}>{t("videos.useSettings")}</MenuItem>
      <MenuItem icon={<Copy aria-hidden />} disabled>
        {t("videos.useSeed")}
      </MenuItem>
      <MenuSeparator />
      <MenuRadio
        label={t("shell.theme")}
        value={theme}
        onChange={setTheme}
        options={[
          { value: "dark", label: t("shell.themeDark") },
          { value: "light", label: t("shell.themeLight") },
        ]}
      />
      <MenuSeparator />
      <MenuItem icon={<Trash2 aria-hidden />} danger>
        {t("videos.moveToTrash")}
      </MenuItem>
    </Menu>
  );
}
