"use client";
import { Sparkles } from "lucide-react";
import { StateView } from "@/components/states";
import { SignedInOnly } from "@/features/auth/signed-in-only";
import { Composer } from "@/features/composer/composer";
import { useDraft } from "@/features/composer/draft";
import { QueueView } from "@/features/jobs/queue-view";
import { useJobStore } from "@/features/jobs/store";
import { useCancelCurrent } from "@/features/jobs/use-cancel-current";
import { useTranslations } from "@/lib/i18n";

/** The composer beside the queue: on narrow screens above it. */
export function Studio() {
  const use = useDraft((draft) => draft.use);
  useCancelCurrent();
  return (
    <div className="mx-auto grid w-full max-w-[100rem] gap-8 px-4 py-6 sm:px-6 lg:grid-cols-[26rem_minmax(0,1fr)] xl:gap-12">
      <div className="lg:sticky lg:top-20 lg:max-h-[calc(100svh-6.5rem)] lg:self-start lg:overflow-y-auto lg:rounded-l">
        <Composer onGenerated={showQueue} />
      </div>
      <SignedInOnly heading="h2">
        <QueueView empty={<EmptyQueue />} onUseSettings={use} />
      </SignedInOnly>
    </div>
  );
}

/** On narrow screens the new card is below the form. */
function showQueue(): void {
  if (matchMedia("(width >= 64rem)").matches) return;
  requestAnimationFrame(() => document.getElementById("queue")?.scrollIntoView({ behavior: "smooth", block: "start" }));
}

export function EmptyQueue() {
  const t = useTranslations("jobs");
  const started = useJobStore((state) => state.jobs.size > 0);
  if (started) return <p className="rounded-l border border-dashed border-border px-5 py-4 text-muted">{t("emptyTitle")}</p>;
  return (
    <StateView title={t("emptyTitle")} icon={<Sparkles aria-hidden />}>
      {t("empty")}
    </StateView>
  );
}
