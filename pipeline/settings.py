"""Settings of the pipeline: where it runs and how many replicas each stage has."""

import os
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.contract.hardware import Budget, Hardware
from pipeline.contract.own_models import FILE_NAME
from pipeline.contract.progress import Stage


class PipelineSettings(BaseSettings):
    """Read from the environment and `.env`: each field from the environment variable of its name in capitals."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    ray_address: str = Field("", description="host:port of the Ray head; empty: read from ray_address_file")
    ray_address_file: Path = Path(".aura/ray.address")
    ray_node_ip: str = Field(
        "127.0.0.1",
        description="address of the Ray node on this host: of a head started here, or of the node to connect through",
    )
    ray_num_cpus: int | None = Field(None, description="CPUs a local head offers; null: what the machine has")
    ray_object_store_bytes: int | None = Field(None, ge=80_000_000)

    fork_workers: bool = Field(True, description="workers of a local head are forked from a process with the libraries")
    traces_dir: Path | None = Field(None, description="where a trace of each finished job goes, for `aura bench eta`")
    models_dir: Path = Path(".aura/models")
    models_file: Path | None = Field(None, description="own models; null: models.toml in models_dir")
    model_variant: str = Field("tiny", description="the model that GPU replicas load before they are ready")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    torch_dtype: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    gpu_memory_gb: float | None = Field(None, gt=0, description="memory of a card in GB: larger jobs are refused")
    model_offload: bool | None = Field(None, description="parts wait in host memory; null: if needed")
    compile_models: bool = Field(False, description="compile the denoiser with torch.compile")
    stages: str = Field("pipeline.stages", description="the package whose stage classes are deployed")

    preprocess_replicas: int = Field(1, ge=1)
    generate_replicas: int = Field(1, ge=1)
    interpolate_replicas: int = Field(1, ge=1)
    upscale_replicas: int = Field(1, ge=1)
    postprocess_replicas: int = Field(1, ge=1)
    generate_gpus: float = Field(0, ge=0, description="GPUs of one replica; a fraction shares a card")
    interpolate_gpus: float = Field(0, ge=0)
    upscale_gpus: float = Field(0, ge=0)
    postprocess_gpus: float = Field(0, ge=0, description="above 0, MP4 is encoded by the card if it has an encoder")
    stage_cpus: float = Field(0.1, gt=0, description="CPUs that one replica reserves")
    stage_silence_seconds: float = Field(600, gt=0, description="a stage without progress for this long is ended")

    dispatcher_jobs: int = Field(4, ge=1, description="jobs that one dispatcher runs at once")
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

    @property
    def ray_node(self) -> str | None:
        """The address of the node to connect through; None if it is not configured: Ray then finds the node."""
        return self.ray_node_ip if self.ray_address and "ray_node_ip" in self.model_fields_set else None

    def replicas(self, stage: Stage) -> int:
        return int(getattr(self, f"{stage}_replicas"))

    def gpus(self, stage: Stage) -> float:
        return float(getattr(self, f"{stage}_gpus", 0))

    def hardware(self, stage: Stage) -> Hardware:
        """What the replicas of a stage run on. Those that share a card may use their share of its memory.

        Ray hides the cards from a stage without a share: if other stages have one, it runs on the CPU.
        """
        share = min(1.0, self.gpus(stage) or 1.0)
        device = "cpu" if not self.gpus(stage) and any(map(self.gpus, Stage)) else self.device
        return Hardware(device, self.torch_dtype, share, self.model_offload, self.compile_models)

    @property
    def generate_budget(self) -> Budget:
        """The memory of a replica of `generate`, for the stage that plans and cannot see the card."""
        if self.gpu_memory_gb is None:
            return Budget(offload=self.model_offload)
        share = self.hardware(Stage.GENERATE).memory_share
        return Budget(int(self.gpu_memory_gb * 1e9 * share), self.torch_dtype == "fp32", self.model_offload)

    @property
    def own_models_file(self) -> Path:
        return self.models_file or self.models_dir / FILE_NAME

    @model_validator(mode="after")
    def _beat_within_lease(self) -> Self:
        if self.beat_seconds >= self.lease_seconds:
            raise ValueError("BEAT_SECONDS must be less than LEASE_SECONDS")
        return self

    @property
    def window(self) -> int:
        """Spans of one job in flight at once: one per upscaler, and half as many that wait or are encoded."""
        upscalers = self.replicas(Stage.UPSCALE)
        return upscalers + max(1, upscalers // 2)


# Ray reads its environment once, when it is imported.
RAY_ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    # Ray gives a replica that reserves less than one CPU a single thread. See `pipeline/cluster/threads.py` instead.
    "OMP_NUM_THREADS": str(os.cpu_count() or 1),
    "AURA_LOCAL_HEAD": "1",
    "HF_HUB_OFFLINE": "1",
    # By Ray's default (0.1 s) this loop is half of the CPU time of an idle system. A dead replica is noticed later.
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "5000",
}


def prepare_ray() -> None:
    """Set Ray's environment. Call this before the first `import ray` of a process."""
    for name, value in RAY_ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def prepare_libraries() -> None:
    """Set in a replica what `prepare_ray` sets for a head of ours. Call this before the stage imports its libraries.

    On a node of an existing cluster, Ray has given a replica that reserves less than one CPU a single thread.
    """
    if "AURA_LOCAL_HEAD" not in os.environ and os.environ.get("OMP_NUM_THREADS") == "1":
        del os.environ["OMP_NUM_THREADS"]
    for name in ("OMP_NUM_THREADS", "HF_HUB_OFFLINE"):
        os.environ.setdefault(name, RAY_ENVIRONMENT[name])


def write_ready_file() -> None:
    """Report to the supervisor that this process is ready: create the file that AURA_READY_FILE names."""
    if path := os.environ.get("AURA_READY_FILE"):
        Path(path).touch()
