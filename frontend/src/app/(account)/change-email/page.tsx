import { ConfirmEmail } from "@/features/settings/confirm-email";
import { pageTitle } from "@/app/page-title";

export const generateMetadata = pageTitle((messages) => messages.access.confirmEmailTitle);

export default function Page() {
  return <ConfirmEmail />;
}
