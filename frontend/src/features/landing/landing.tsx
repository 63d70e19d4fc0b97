"use client";
import { useRouter } from "next/navigation";
import type { ReactNode } from "react";
import { ArrowRight } from "lucide-react";
import { Button } from "@/components/button";
import { ExampleChips } from "@/features/composer/example-chips";
import { PromptField } from "@/features/composer/prompt-field";
import { useComposer } from "@/features/composer/use-composer";
import { useProblemText } from "@/features/composer/use-problem-text";
import { useSession } from "@/features/auth/use-session";
import { useTranslations } from "@/lib/i18n";
import { AuraHero } from "./aura-hero";

/** The first page: the composer at once, over the aura. `samples` are public videos. */
export function Landing({ samples }: { samples?: ReactNode }) {
  const t = useTranslations("landing");
  return (
    <>
      <section className="relative isolate grid min-h-[92svh] content-center">
        <AuraHero />
        <div className="pointer-events-none relative z-10 mx-auto grid w-full max-w-page gap-8 *:pointer-events-auto px-4 pt-24 pb-20 sm:px-8">
          <div className="grid max-w-3xl gap-5">
            <h1 className="text-xl font-semibold tracking-[-0.045em] text-balance">{t("headline")}</h1>
            <p className="max-w-prose text-l text-pretty text-fg/85">{t("lead")}</p>
          </div>
          <HeroComposer />
        </div>
      </section>
      <HowItWorks />
      {samples}
    </>
  );
}

function HeroComposer() {
  const t = useTranslations("landing");
  const composer = useTranslations("composer");
  const router = useRouter();
  const signedIn = useSession() === "signed-in";
  const { model, styles, problem, invalid, generate } = useComposer();
  const problemText = useProblemText();
  const start = () => {
    // Without an account the draft is kept, and waits behind the registration.
    if (!signedIn && !invalid) return router.push("/register?next=%2Fcreate");
    if (generate()) router.push("/create");
  };
  return (
    <div className="grid max-w-2xl gap-4">
      <div className="grid gap-3 rounded-l bg-bg/90 p-4 shadow-float hairline focus-within:outline-2 focus-within:outline-ring sm:p-5">
        <PromptField large error={problem?.field === "prompt" ? problemText(problem, model) : null} onGenerate={start} />
        <div className="flex items-center justify-between gap-4">
          <p className="text-s text-muted max-sm:sr-only">{signedIn ? null : t("signedOut")}</p>
          <Button kind="primary" size="l" onClick={start} className="max-sm:w-full">
            {composer("generate")}
            <ArrowRight aria-hidden className="size-4" />
          </Button>
        </div>
      </div>
      <div className="grid gap-2">
        <p className="text-s text-muted">{t("tryOne")}</p>
        <ExampleChips model={model} styles={styles} />
      </div>
    </div>
  );
}

const STEPS = ["how1", "how2", "how3"] as const;

function HowItWorks() {
  const t = useTranslations("landing");
  return (
    <section aria-label={t("howTitle")} className="mx-auto grid w-full max-w-page gap-px px-4 py-16 sm:px-8 md:grid-cols-3">
      {STEPS.map((step) => (
        <div key={step} className="grid content-start gap-2 border-t border-border py-6 md:pr-10">
          <h2 className="text-l font-medium">{t(step)}</h2>
          <p className="text-pretty text-muted">{t(`${step}Text`)}</p>
        </div>
      ))}
    </section>
  );
}
