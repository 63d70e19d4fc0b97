"""Which replica of a stage gets a call: the one with the fewest calls.

Serve compares two replicas at random by default. With few replicas and calls of seconds, that often queues a call
while another replica is idle.
"""

import random

from ray.serve.request_router import FIFOMixin, PendingRequest, RequestRouter, RunningReplica


class LeastLoadedRouter(FIFOMixin, RequestRouter):
    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """All replicas: Serve takes the one with the shortest queue among those given, the first of several."""
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True
        return [random.sample(candidate_replicas, len(candidate_replicas))]
