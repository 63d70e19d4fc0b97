import { fireEvent, render, screen } from "@testing-library/react";
import { IntlProvider } from "use-intl";
import { beforeAll, expect, test, vi } from "vitest";
import en from "@/lib/i18n/messages/en";
import { Dialog } from "./dialog";
import { Overlay } from "./overlay";

beforeAll(() => {
  // jsdom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function show() {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function close() {
    this.open = false;
  };
});

function Two({ onOuter, onInner, inner }: { onOuter: () => void; onInner: () => void; inner: boolean }) {
  return (
    <IntlProvider locale="en" messages={en}>
      <Dialog title="outer" onClose={onOuter}>
        {inner ? (
          <Dialog title="inner" onClose={onInner}>
            <input data-autofocus aria-label="field" />
          </Dialog>
        ) : null}
      </Dialog>
    </IntlProvider>
  );
}

test("Escape closes the topmost dialog only, also where nothing has the focus", () => {
  const onOuter = vi.fn();
  const onInner = vi.fn();
  const { rerender } = render(<Two onOuter={onOuter} onInner={onInner} inner={false} />);
  rerender(<Two onOuter={onOuter} onInner={onInner} inner />);
  expect(document.activeElement).toBe(screen.getByLabelText("field"));
  fireEvent.keyDown(document.body, { key: "Escape" });
  expect([onInner.mock.calls.length, onOuter.mock.calls.length]).toEqual([1, 0]);
  rerender(<Two onOuter={onOuter} onInner={onInner} inner={false} />);
  fireEvent.keyDown(document.body, { key: "Escape" });
  expect([onInner.mock.calls.length, onOuter.mock.calls.length]).toEqual([1, 1]);
});

test.each([
  ["dialog", Dialog, { title: "above" }],
  ["overlay", Overlay, { label: "above" }],
] as const)("a press beside the %s closes it; one that began inside does not", (_, Element, name) => {
  const onClose = vi.fn();
  render(
    <IntlProvider locale="en" messages={en}>
      <Element {...(name as { title: string; label: string })} onClose={onClose}>
        <input aria-label="field" />
      </Element>
    </IntlProvider>,
  );
  const dialog = screen.getByRole("dialog", { name: "above" });
  fireEvent.pointerDown(screen.getByLabelText("field"));
  fireEvent.click(dialog);
  expect(onClose).not.toHaveBeenCalled();
  fireEvent.pointerDown(dialog);
  fireEvent.click(dialog);
  expect(onClose).toHaveBeenCalledTimes(1);
});
