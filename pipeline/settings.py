"""Settings of the pipeline: where it runs and how many replicas each stage has."""

import os
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.contract.progress import Stage


class PipelineSettings(BaseSettings):
    """Read from the environment and `.env`: each field from the environment variable of its name in capitals."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    ray_address: str = Field("", description="host:port of the Ray head; empty: read from ray_address_file")
    ray_address_file: Path = Path(".aura/ray.address")
    ray_node_ip: str = Field("127.0.0.1", description="the address under which other hosts reach a head started here")
    ray_num_cpus: int | None = Field(None, description="CPUs a local head offers; null: what the machine has")
    ray_object_store_bytes: int | None = Field(None, ge=80_000_000)

    traces_dir: Path | None = Field(None, description="where a trace of each finished job goes, for `aura bench eta`")
    models_dir: Path = Path(".aura/models")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    stages: str = Field("pipeline.stages", description="the package whose stage classes are deployed")

    preprocess_replicas: int = Field(1, ge=1)
    generate_replicas: int = Field(1, ge=1)
    interpolate_replicas: int = Field(1, ge=1)
    upscale_replicas: int = Field(1, ge=1)
    postprocess_replicas: int = Field(1, ge=1)
    generate_gpus: float = Field(0, ge=0, description="GPUs of one replica; a fraction shares a card")
    interpolate_gpus: float = Field(0, ge=0)
    upscale_gpus: float = Field(0, ge=0)
    stage_cpus: float = Field(0.1, gt=0, description="CPUs that one replica reserves")
    stage_silence_seconds: float = Field(600, gt=0, description="a stage without progress for this long is ended")

    dispatcher_jobs: int = Field(2, ge=1, description="jobs that one dispatcher runs at once")
    running_per_user: int = Field(2, ge=1)
    poll_seconds: float = Field(1.0, gt=0)
    lease_seconds: float = Field(30, gt=0)
    beat_seconds: float = Field(5, gt=0, description="interval of the heartbeat; must be less than lease_seconds")
    max_failures: int = Field(3, ge=1, description="failed attempts after which a job fails")
    max_losses: int = Field(3, ge=1, description="lost leases after which a job fails with worker_lost")
    retry_pause_seconds: float = Field(1, gt=0, description="pause before the second attempt; doubles with each more")
    retry_max_pause_seconds: float = Field(60, gt=0)
    base_clip_days: float = Field(7, gt=0, description="how long base clips are kept for retries")
    rescue_seconds: float = Field(5, gt=0)
    sweep_seconds: float = Field(600, gt=0)

    def replicas(self, stage: Stage) -> int:
        return int(getattr(self, f"{stage}_replicas"))

    def gpus(self, stage: Stage) -> float:
        return float(getattr(self, f"{stage}_gpus", 0))

    @model_validator(mode="after")
    def _beat_within_lease(self) -> Self:
        if self.beat_seconds >= self.lease_seconds:
            raise ValueError("BEAT_SECONDS must be less than LEASE_SECONDS")
        return self

    @property
    def window(self) -> int:
        """Spans of one job in flight at once: one per upscaler, and one that waits."""
        return self.replicas(Stage.UPSCALE) + 1


# Ray reads its environment once, when it is imported.
RAY_ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    # Ray gives a replica that reserves less than one CPU a single thread. The stages of one host take turns instead.
    "OMP_NUM_THREADS": str(os.cpu_count() or 1),
    "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_OFFLINE": "1",
}


def prepare_ray() -> None:
    """Set Ray's environment. Call this before the first `import ray` of a process."""
    for name, value in RAY_ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def write_ready_file() -> None:
    """Report to the supervisor that this process is ready: create the file that AURA_READY_FILE names."""
    if path := os.environ.get("AURA_READY_FILE"):
        Path(path).touch()
