"use client";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { ListVideo } from "lucide-react";
import { buttonClass } from "@/components/button";
import { StateView } from "@/components/states";
import { SignedInOnly } from "@/features/auth/signed-in-only";
import { useDraft } from "@/features/composer/draft";
import type { Request } from "@/features/jobs/job";
import { QueueView } from "@/features/jobs/queue-view";
import { useCancelCurrent } from "@/features/jobs/use-cancel-current";
import { useTranslations } from "@/lib/i18n";

export function QueuePage() {
  const t = useTranslations("jobs");
  const shell = useTranslations("shell");
  const router = useRouter();
  const use = useDraft((draft) => draft.use);
  useCancelCurrent();
  const useSettings = (request: Request) => {
    use(request);
    router.push("/create");
  };
  const empty = (
    <StateView
      title={t("emptyTitle")}
      icon={<ListVideo aria-hidden />}
      action={
        <Link href="/create" className={buttonClass({ kind: "primary" })}>
          {shell("create")}
        </Link>
      }
    />
  );
  return (
    <div className="mx-auto w-full max-w-5xl px-4 py-6 sm:px-6">
      <SignedInOnly>
        <QueueView heading="h1" empty={empty} recent={60} onUseSettings={useSettings} />
      </SignedInOnly>
    </div>
  );
}
