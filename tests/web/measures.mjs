// What is measured on a page. Each function answers with the problems that it finds; checks.mjs proves that it finds them.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../frontend/package.json", import.meta.url));
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const MAX_SHIFT = 0.05;
export const MAX_INTERACTION_MS = 200;
/** Event timing reports no interaction that takes less. */
const MIN_REPORTED_MS = 16;
/** Interaction to next paint leaves out one interaction of each fifty. */
const INTERACTIONS_PER_OUTLIER = 50;

/** The accessibility rules that a page breaks. Evaluated from outside, so that the content policy stays in force. */
export async function axe(page) {
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  });
}

/** Collects layout shifts and interactions of each page of the context from its start. */
export async function observe(page) {
  await page.addInitScript((durationThreshold) => {
    const measured = { shift: 0, interactions: new Map() };
    globalThis.measured = measured;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) measured.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (!entry.interactionId || measured.interactions.get(entry.interactionId)?.ms >= entry.duration) continue;
        const target = entry.target?.getAttribute?.("aria-label") ?? entry.target?.textContent?.slice(0, 40) ?? "";
        const [waited, ran] = [entry.processingStart - entry.startTime, entry.processingEnd - entry.processingStart].map(Math.round);
        const what = `${`${entry.name} ${target}`.trim()}: waited ${waited}, ran ${ran}, the rest until painted`;
        measured.interactions.set(entry.interactionId, { ms: entry.duration, what });
      }
    }).observe({ type: "event", durationThreshold, buffered: true });
  }, MIN_REPORTED_MS);
}

/** The sum of the shifts of this page that no input caused. */
export function layoutShift(page) {
  return page.evaluate(() => globalThis.measured.shift);
}

/** How many interactions this page had, the slow ones of them, and the interaction to next paint in milliseconds. */
export async function interactions(page) {
  const { count, slow } = await page.evaluate(() => ({
    count: performance.interactionCount,
    slow: [...globalThis.measured.interactions.values()].sort((one, other) => other.ms - one.ms),
  }));
  const index = Math.min(slow.length - 1, Math.floor(count / INTERACTIONS_PER_OUTLIER));
  return { count, slow, ms: slow[index]?.ms ?? 0 };
}

/** Problems of the page as it is now. */
export async function problemsOf(page) {
  const found = await axe(page);
  const shift = await layoutShift(page);
  if (shift > MAX_SHIFT) found.push(`layout shift ${shift.toFixed(3)}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) found.push(`${wide} px wider than the screen`);
  return [...found, ...(await storedTokens(page)), ...page.errors.map((error) => `console: ${error}`)];
}

/** Where scripts could read a token: storage, databases, cookies that are not HttpOnly. */
export async function storedTokens(page) {
  return page.evaluate(async () => {
    const databases = await indexedDB.databases();
    const places = { localStorage: JSON.stringify({ ...localStorage }), sessionStorage: JSON.stringify({ ...sessionStorage }), cookie: document.cookie };
    const found = Object.entries(places).flatMap(([place, text]) => (/eyJ|[tT]oken|refresh/.test(text) ? [`a token in ${place}: ${text}`] : []));
    return [...found, ...databases.map(({ name }) => `a database of this page: ${name}`)];
  });
}

/** Elements and scripts that texts of people became. `HOSTILE` of hostile.mjs would add them. */
export async function injected(page) {
  return page.evaluate(() => {
    const elements = [...document.querySelectorAll("img[src=x], [onerror], [onload], [data-hostile]")];
    const ran = globalThis.hacked ? ["a text ran as a script"] : [];
    return [...ran, ...elements.map((element) => `a text became markup: ${element.outerHTML.slice(0, 120)}`)];
  });
}
