// The gateway by REST, to prepare what a journey looks at and to compare what it shows with what is stored.
import { assert } from "./browser.mjs";

/** The smallest and fastest video. */
export const QUICK = { width: 64, height: 64, fps: 8, duration_seconds: 1, num_inference_steps: 4 };
/** One that is generated for long enough to be interrupted. */
export const LONG = { ...QUICK, width: 128, height: 128, num_inference_steps: 150 };
/** A job waits for others, on a machine that may be busy. */
export const FINISHED_MS = 300_000;

/** Answers with a function that sends a request in the name of the account. */
export async function clientOf({ email, password }) {
  const send = (token, method, path, body) =>
    fetch(process.env.AURA_WEB + path, {
      method,
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      body: body && JSON.stringify(body),
    });
  const logIn = async () => (await (await send(null, "POST", "/api/auth/login", { email, password })).json()).access_token;
  let token = await logIn();
  return async (method, path, body) => {
    let response = await send(token, method, path, body);
    if (response.status === 401) response = await send((token = await logIn()), method, path, body);
    const text = await response.text();
    assert(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
}

export async function registerByRest(account) {
  const response = await fetch(`${process.env.AURA_WEB}/api/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(account),
  });
  assert(response.ok, `register: ${response.status} ${await response.text()}`);
  return clientOf(account);
}

/** The job when it has ended. */
export async function ended(call, jobId) {
  for (const until = Date.now() + FINISHED_MS; Date.now() < until; await sleep(300)) {
    const job = await call("GET", `/api/status/${jobId}`);
    if (job.finished_at) return job;
  }
  throw new Error(`job ${jobId} has not ended`);
}

/** The id of a finished video. */
export async function makeVideo(call, prompt, spec = QUICK) {
  const { job_id } = await call("POST", "/api/generate", { prompt, ...spec });
  const job = await ended(call, job_id);
  assert(job.status === "succeeded", `${prompt}: ${JSON.stringify(job)}`);
  return job.video_id;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
