"""The sleeping stages of the fault tests. Spans leave a note of the node on which they were upscaled and encoded."""

import os
from pathlib import Path
from typing import Final

import ray

NOTES: Final = "AURA_TEST_NOTES"


def note_span(stage: str, seed: int, first_frame: int) -> None:
    """Note that this node runs a span of the job with this seed, in the folder of the nodes' environment."""
    node = ray.get_runtime_context().get_node_id()
    Path(os.environ[NOTES], f"{stage}.{seed}.{first_frame}.{node}").touch()
