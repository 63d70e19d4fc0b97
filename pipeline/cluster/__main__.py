"""`python -m pipeline.cluster`: the process of the Ray head, see `head.py`."""

import asyncio
import sys

from db import logs
from pipeline.settings import PipelineSettings, prepare_ray


def main() -> int:
    prepare_ray()
    logs.configure()
    from pipeline.cluster.head import run  # not earlier: Ray reads its environment when it is imported

    return asyncio.run(run(PipelineSettings()))


if __name__ == "__main__":
    sys.exit(main())
