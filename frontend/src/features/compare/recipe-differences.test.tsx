import { render, screen } from "@testing-library/react";
import { IntlProvider } from "use-intl";
import { expect, test } from "vitest";
import de from "@/lib/i18n/messages/de";
import { video } from "@/test-samples";
import { RecipeDifferences } from "./recipe-differences";

test("settings and their values are named in the language of the page", () => {
  const resolved = { num_inference_steps: 10, scheduler: "own", loop: false, base_frames: 16, later: "a" };
  const other = { num_inference_steps: 20, scheduler: "ddim", loop: true, base_frames: 8, later: "b" };
  render(
    <IntlProvider locale="de" messages={de}>
      <RecipeDifferences videos={[video("one", { resolved }), video("two", { resolved: other })]} />
    </IntlProvider>,
  );
  const { composer, common, compare } = de;
  const rows = screen.getAllByRole("row").map((row) => [...row.children].map((cell) => cell.textContent));
  expect(rows.slice(1).sort()).toEqual(
    [
      [composer.num_inference_steps, "10", "20"],
      [composer.scheduler, composer.schedulers.own, composer.schedulers.ddim],
      [composer.loop, common.off, common.on],
      [compare.fields.base_frames, "16", "8"],
      ["later", "a", "b"],
    ].sort(),
  );
});
