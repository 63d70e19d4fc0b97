/** The form of a new video for tests: a gateway with models, and controls by their names. */
import { fireEvent, render, screen } from "@testing-library/react";
import { MODEL, STYLE } from "@/test-samples";
import { Composer } from "@/features/composer/composer";
import { useDraft } from "@/features/composer/draft";
import type { Model } from "@/features/models/api";
import { TestProviders, testQueries, type Asked } from "@/test-providers";

/** A model that can do everything, so that every field applies. */
export const ABLE: Model = { ...MODEL, image: "optional", schedulers: ["ddim", "euler"], loras: ["zoom", "motion-zoom-in"] };

/** The answers to everything except prompts. Every submission is accepted. */
export function composerGateway(models: Model[]): (asked: Asked) => unknown {
  let jobs = 0;
  return ({ path }) => {
    if (path === "/api/models") return { data: models };
    if (path === "/api/styles") return { data: [STYLE] };
    jobs += 1;
    return { job_id: `job-${jobs}`, status: "queued", links: {}, created_at: "2026-01-01T00:00:00Z", progress: { value: 0, stages: [] }, revision: 1 };
  };
}

/** What a label names. The queries by label and role do the same, and take seconds in a form of this size. */
export function control(name: string): HTMLElement {
  const label = [...document.querySelectorAll("label")].find((one) => one.textContent === name);
  const found = label ? (label.control ?? label) : [...document.querySelectorAll("button")].find((one) => (one.ariaLabel ?? one.textContent) === name);
  if (!found) throw new Error(`no control is named ${name}`);
  return found;
}

/** What is written below a control. */
export function noteOf(name: string): string {
  const id = control(name).getAttribute("aria-describedby");
  return (id && document.getElementById(id)?.textContent) || "";
}

export const set = (name: string, value: string) => fireEvent.change(control(name), { target: { value } });
export const press = (name: string) => fireEvent.click(control(name));

export async function showComposer(mode: "simple" | "advanced"): Promise<void> {
  useDraft.setState({ ...useDraft.getInitialState(), mode });
  render(
    <TestProviders queries={testQueries()}>
      <Composer />
    </TestProviders>,
  );
  await screen.findByText(/Tiny shapes knows/);
}
