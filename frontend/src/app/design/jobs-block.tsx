"use client";
import { EmptyQueue } from "@/app/create/studio";
import { SignedInOnly } from "@/features/auth/signed-in-only";
import { AdvancedPanel } from "@/features/composer/advanced-panel";
import { Composer } from "@/features/composer/composer";
import { ExampleChips } from "@/features/composer/example-chips";
import { ModelKnowledge } from "@/features/composer/model-knowledge";
import { EndedCard } from "@/features/jobs/ended-card";
import { JobCard } from "@/features/jobs/job-card";
import { ENDED_JOBS, MODEL, OPEN_JOBS, POOR_MODEL, STYLE } from "./samples";
import { Specimen } from "./specimen";

/** The form of a new video and the queue, in every state. */
export function JobsBlock() {
  return (
    <>
      <Specimen of="Composer" look="pair">
        <Composer />
        <div className="grid gap-6">
          <ExampleChips model={MODEL} styles={[STYLE]} />
          <ModelKnowledge model={MODEL} />
        </div>
      </Specimen>
      <Specimen of="AdvancedPanel" look="pair">
        <AdvancedPanel models={[MODEL]} model={MODEL} styles={[STYLE]} problem={null} />
        <AdvancedPanel models={[POOR_MODEL]} model={POOR_MODEL} styles={[]} problem={{ field: "width", key: "even" }} />
      </Specimen>
      <Specimen of="JobCard" look="stack">
        {OPEN_JOBS.map((job) => (
          <JobCard key={job.job_id} job={job} />
        ))}
      </Specimen>
      <Specimen of="EndedCard">
        {ENDED_JOBS.map((job) => (
          <div key={job.job_id} className="w-44">
            <EndedCard job={job} />
          </div>
        ))}
      </Specimen>
      <Specimen of="EmptyQueue" look="stack">
        <EmptyQueue />
      </Specimen>
      <Specimen of="SignedInOnly" look="stack">
        <SignedInOnly role="admin" heading="h2">
          {null}
        </SignedInOnly>
      </Specimen>
    </>
  );
}
