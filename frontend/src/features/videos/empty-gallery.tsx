"use client";
import Link from "next/link";
import { ArrowRight, Images, SearchX, Trash2 } from "lucide-react";
import { Button, buttonClass } from "@/components/button";
import { StateView } from "@/components/states";
import { useSession } from "@/features/auth/use-session";
import { useDraft } from "@/features/composer/draft";
import { useChosenModel } from "@/features/composer/use-composer";
import { useStyles } from "@/features/models/api";
import { examplesOf } from "@/features/models/examples";
import { useTranslations } from "@/lib/i18n";

const STARTERS = 3;
type Props = { filtered: boolean; trashed: boolean; onClear: () => void };

/** Why the gallery shows nothing, and what to do about it. */
export function EmptyGallery({ filtered, trashed, onClear }: Props) {
  const t = useTranslations("videos");
  if (filtered) {
    return (
      <StateView title={t("noneTitle")} icon={<SearchX aria-hidden />} action={<Button onClick={onClear}>{t("clearFilters")}</Button>}>
        {t("none")}
      </StateView>
    );
  }
  if (trashed) return <StateView title={t("trashEmpty")} icon={<Trash2 aria-hidden />} />;
  return (
    <StateView
      title={t("emptyTitle")}
      icon={<Images aria-hidden />}
      action={
        <Link href="/create" className={buttonClass({ kind: "primary" })}>
          {t("makeFirst")}
        </Link>
      }
    >
      <p>{t("empty")}</p>
      <Starters />
    </StateView>
  );
}

/** Prompts that work with the chosen model, which is the server's own for a newcomer. Each starts the composer with it. */
function Starters() {
  const t = useTranslations("videos");
  const { model } = useChosenModel();
  const styles = useStyles(useSession() === "signed-in").data ?? [];
  const setPrompt = useDraft((draft) => draft.setPrompt);
  return (
    <ul aria-label={t("starters")} className="my-4 grid gap-2">
      {examplesOf(model, styles)
        .slice(0, STARTERS)
        .map((example) => (
          <li key={example}>
            <Link
              href="/create"
              onClick={() => setPrompt(example)}
              className="group/starter flex min-h-11 items-center justify-between gap-4 rounded-s bg-surface px-4 py-2.5 text-fg hairline transition-colors hover:bg-raised"
            >
              {example}
              <ArrowRight aria-hidden className="size-4 shrink-0 text-muted transition-transform group-hover/starter:translate-x-0.5" />
            </Link>
          </li>
        ))}
    </ul>
  );
}
