import { render, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TestProviders, testQueries } from "@/test-providers";
import { video } from "@/test-samples";
import { VideoTile } from "./video-tile";

vi.mock("next/navigation", () => ({ useRouter: () => ({ push: vi.fn() }) }));

beforeEach(() => void vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: vi.fn(), removeEventListener: vi.fn() })));
afterEach(() => vi.unstubAllGlobals());

test("the title leads to the video too, and screen readers and the keyboard have one link", () => {
  render(
    <TestProviders queries={testQueries()}>
      <VideoTile video={video("one", { title: "A circle" })} />
    </TestProviders>,
  );
  const tile = within(screen.getByRole("article", { name: "A circle" }));
  expect(tile.getAllByRole("link").map((link) => link.getAttribute("href"))).toEqual(["/v/one"]);
  const title = tile.getByText("A circle").closest("a");
  expect([title?.getAttribute("href"), title?.tabIndex]).toEqual(["/v/one", -1]);
});
