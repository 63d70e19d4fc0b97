import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MODEL, STYLE } from "@/test-samples";
import { useDraft } from "@/features/composer/draft";
import { session } from "@/lib/api/session";
import { TestProviders, stubGateway, testQueries, type Asked } from "@/test-providers";
import { GalleryView } from "./gallery-view";

vi.mock("next/navigation", () => ({
  usePathname: () => location.pathname,
  useRouter: () => ({ push: vi.fn() }),
  useSearchParams: () => new URLSearchParams(location.search),
}));

let requests: Asked[];
let model = MODEL;

function answer({ path }: Asked): unknown {
  if (path === "/api/models") return { data: [model] };
  if (path === "/api/styles") return { data: [STYLE] };
  return { data: [], has_more: false, first_id: null, last_id: null };
}

const asked = () => Object.fromEntries(requests.filter(({ path }) => path === "/api/videos").at(-1)?.query ?? []);

function show(query = "") {
  history.replaceState(null, "", `/gallery${query}`);
  render(
    <TestProviders queries={testQueries()}>
      <GalleryView />
    </TestProviders>,
  );
}

beforeEach(() => {
  requests = stubGateway(answer);
  session.signIn("token", 3600);
  useDraft.setState(useDraft.getInitialState());
});

afterEach(() => {
  vi.unstubAllGlobals();
  session.signOut();
  model = MODEL;
});

test("an empty gallery has three prompts that work, and each starts the composer", async () => {
  show();
  await screen.findByText("No videos yet");
  const links = screen.getByRole("list", { name: "Prompts to start with" }).querySelectorAll("a");
  expect([...links].map((link) => link.getAttribute("href"))).toEqual(["/create", "/create", "/create"]);
  const [first] = links;
  const prompt = first?.textContent ?? "";
  const words = new Set(prompt.split(" "));
  expect(Object.values(MODEL.words ?? {}).flat().some((word) => words.has(word))).toBe(true);
  first?.addEventListener("click", (event) => event.preventDefault());
  fireEvent.click(first as Element);
  expect(useDraft.getState().prompt).toBe(prompt);
});

test("the prompts are those of the model that will draw them", async () => {
  model = { ...MODEL, words: null };
  show();
  await screen.findByRole("link", { name: STYLE.example });
});

test("a period is kept in the address, and survives a reload", async () => {
  show();
  await screen.findByText("No videos yet");
  fireEvent.change(screen.getByLabelText("Date"), { target: { value: "week" } });
  await screen.findByText("Nothing matches");
  const from = new URLSearchParams(location.search).get("from") ?? "";
  expect(from).toMatch(/^\d{4}-\d\d-\d\d$/);
  expect(asked().created_after).toBe(new Date(`${from}T00:00:00`).toISOString());
  expect(asked()).not.toHaveProperty("created_before");
});

test("the days of an address are shown and asked for", async () => {
  show("?from=2026-11-01&to=2026-11-30");
  await screen.findByText("Nothing matches");
  expect(screen.getByLabelText<HTMLInputElement>("Date").value).toBe("own");
  expect(screen.getByLabelText<HTMLInputElement>("From").value).toBe("2026-11-01");
  expect(asked()).toMatchObject({ created_after: new Date(2026, 10, 1).toISOString(), created_before: new Date(2026, 11, 1).toISOString() });
  fireEvent.click(screen.getByRole("button", { name: "Show all" }));
  await screen.findByText("No videos yet");
  expect(location.search).toBe("");
  expect(screen.getByLabelText<HTMLInputElement>("Date").value).toBe("any");
});

test("a day that is being typed changes nothing", async () => {
  show("?from=2026-11-01");
  await screen.findByText("Nothing matches");
  fireEvent.change(screen.getByLabelText("Date"), { target: { value: "own" } });
  const before = requests.length;
  fireEvent.change(screen.getByLabelText("From"), { target: { value: "0002-11-01" } });
  expect(location.search).toBe("?from=2026-11-01");
  fireEvent.change(screen.getByLabelText("From"), { target: { value: "2025-11-01" } });
  await waitFor(() => expect(location.search).toBe("?from=2025-11-01"));
  await waitFor(() => expect(requests.length).toBeGreaterThan(before));
});
