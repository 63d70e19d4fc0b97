import { useErrorText } from "@/components/use-error-text";
import { ApiError } from "@/lib/api/errors";
import { useTranslations } from "@/lib/i18n";
import { isField, useFieldLabel } from "./use-field-label";

/** The words for a request that the gateway did not accept: the first field that is not valid, and why. */
export function useRefusalText(): (error: unknown) => string {
  const t = useTranslations("composer");
  const errorText = useErrorText();
  const label = useFieldLabel();
  return (error) => {
    const first = error instanceof ApiError && error.code === "invalid_request" ? error.fields[0] : undefined;
    if (!first) return errorText(error);
    const name = first.pointer?.split("/")[1];
    return isField(name) ? t("refusedField", { field: label(name), detail: first.detail }) : first.detail;
  };
}
