/** The jobs of the user that this page has loaded. */
import { create } from "zustand";
import type { Message } from "@/lib/api/events.gen";
import { sendingJob, withJobs, withMessage, type Job, type Jobs, type Request } from "./job";
import type { Transport } from "./live-connection";

type State = {
  jobs: Jobs;
  /** False until the first snapshot: then an empty queue is really empty. */
  loaded: boolean;
  /** The error of the first snapshot. */
  error: unknown;
  transport: Transport;
};

const INITIAL: State = { jobs: new Map(), loaded: false, error: null, transport: "connecting" };

export const useJobStore = create<State>(() => INITIAL);

const change = (next: (state: State) => Partial<State>) => useJobStore.setState(next);

export const jobStore = {
  reset: () => useJobStore.setState(INITIAL, true),
  merge: (jobs: Job[]) => change((state) => ({ jobs: withJobs(state.jobs, jobs), loaded: true, error: null })),
  fail: (error: unknown) => change((state) => (state.loaded ? {} : { error })),
  receive: (message: Message) =>
    change((state) => ({ jobs: withMessage(state.jobs, message), ...(message.type === "snapshot" && { loaded: true, error: null }) })),
  setTransport: (transport: Transport) => change(() => ({ transport })),
  remove: (id: string) =>
    change((state) => {
      const jobs = new Map(state.jobs);
      jobs.delete(id);
      return { jobs };
    }),
  addSending: (key: string, spec: Request) => change((state) => ({ jobs: withJobs(state.jobs, [sendingJob(key, spec)]) })),
  /** The card of a request becomes the card of its job. */
  replaceSending: (key: string, job: Job) =>
    change((state) => {
      const jobs = new Map(state.jobs);
      jobs.delete(key);
      return { jobs: withJobs(jobs, [job]) };
    }),
  failSending: (key: string, error: unknown) =>
    change((state) => {
      const job = state.jobs.get(key);
      if (!job?.sending) return {};
      return { jobs: new Map(state.jobs).set(key, { ...job, sending: { ...job.sending, error } }) };
    }),
};
