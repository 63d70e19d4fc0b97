import { Suspense } from "react";
import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { lazyDecoration } from "./lazy-decoration";

function show(load: Parameters<typeof lazyDecoration>[0]) {
  const Decoration = lazyDecoration(load);
  render(
    <>
      <p>page</p>
      <Suspense fallback="loading">
        <Decoration />
      </Suspense>
    </>,
  );
}

test("it is shown when it is loaded", async () => {
  show(() => Promise.resolve(() => <p>decoration</p>));
  expect(await screen.findByText("decoration")).toBeDefined();
});

test("without a network the page stays", async () => {
  show(() => Promise.reject(new TypeError("Failed to fetch")));
  await expect.poll(() => screen.queryByText("loading")).toBeNull();
  expect(screen.getByText("page")).toBeDefined();
});
