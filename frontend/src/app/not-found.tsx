import Link from "next/link";
import { Compass } from "lucide-react";
import { buttonClass } from "@/components/button";
import { StateView } from "@/components/state-view";
import { loadMessages } from "@/lib/i18n/messages";
import { requestLocale } from "./request-locale";

/** Made by the server: every page carries it, and should not carry its scripts. */
export default async function NotFound() {
  const { errors } = await loadMessages(await requestLocale());
  return (
    <div className="mx-auto w-full max-w-3xl px-4 py-16">
      <StateView
        heading="h1"
        title={errors.notFoundTitle}
        icon={<Compass aria-hidden />}
        action={
          <Link href="/" className={buttonClass()}>
            {errors.home}
          </Link>
        }
      >
        {errors.notFound}
      </StateView>
    </div>
  );
}
