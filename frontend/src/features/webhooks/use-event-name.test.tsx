import { renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { IntlProvider } from "use-intl";
import { expect, test } from "vitest";
import de from "@/lib/i18n/messages/de";
import { EVENTS } from "./api";
import { useEventName } from "./use-event-name";

const wrapper = ({ children }: { children: ReactNode }) => (
  <IntlProvider locale="de" messages={de}>
    {children}
  </IntlProvider>
);

test("every event has a name, and so has the test", () => {
  const { result } = renderHook(useEventName, { wrapper });
  expect([...EVENTS, "webhook.test"].map(result.current)).toEqual(Object.values(de.webhooks.eventNames));
  expect(result.current("of.later")).toBe("of.later");
});
