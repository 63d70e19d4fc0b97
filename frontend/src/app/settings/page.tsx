import { SignedInOnly } from "@/features/auth/signed-in-only";
import { KeysSection } from "@/features/keys/keys-section";
import { PasskeysSection } from "@/features/passkeys/passkeys-section";
import { SettingsView } from "@/features/settings/settings-view";
import { WebhooksSection } from "@/features/webhooks/webhooks-section";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.settings.title);

export default function Page() {
  return (
    <div className="mx-auto w-full max-w-4xl px-4 py-8 sm:px-6">
      <SignedInOnly>
        <SettingsView
          access={
            <>
              <PasskeysSection />
              <KeysSection />
              <WebhooksSection />
            </>
          }
        />
      </SignedInOnly>
    </div>
  );
}
