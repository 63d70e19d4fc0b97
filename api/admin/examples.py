"""Examples of the answers of `system.py`, for the OpenAPI document."""

from typing import Any, Final

_JOB: Final = "019ab0c1-7d3e-7c55-9d3a-2f0f8a1c9b10"
_USER: Final = "01998f2c-7a8b-7c3d-9e4f-5a6b7c8d9e0f"
_EMAIL: Final = "ada@example.org"

QUEUE: Final[dict[str, Any]] = {
    "waiting": {"count": 10000, "more": True},
    "running": {"count": 4, "more": False},
    "users_waiting": {"count": 312, "more": False},
    "oldest_waiting_seconds": 95.2,
    "last_day": {
        "succeeded": {"count": 812, "more": False},
        "failed": {"count": 3, "more": False},
        "canceled": {"count": 20, "more": False},
    },
    "hours": [
        {
            "hour": "2026-11-20T14:00:00Z",
            "succeeded": {"count": 812, "more": False},
            "failed": {"count": 3, "more": False},
            "canceled": {"count": 20, "more": False},
        }
    ],
    "median_wait_seconds": 12.5,
    "median_run_seconds": 41.0,
    "samples": 500,
}
WORKERS: Final[dict[str, Any]] = {
    "data": [
        {
            "owner": "gpu-1:4711:5f0c1a2b",
            "version": "0.1.0",
            "state": "running",
            "started_at": "2026-11-20T08:00:00Z",
            "seen_at": "2026-11-20T14:31:07Z",
            "capacity": 4,
            "jobs": [
                {
                    "job_id": _JOB,
                    "user_id": _USER,
                    "attempt": 1,
                    "stage": "generate",
                    "value": 0.42,
                    "started_at": "2026-11-20T14:30:41Z",
                    "lease_expires_at": "2026-11-20T14:31:36Z",
                    "cancel_requested": False,
                }
            ],
            "replicas": {"generate": {"running": 1}, "upscale": {"running": 1, "starting": 1}},
        }
    ],
    "more_jobs": False,
    "stages": [
        {
            "stage": "generate",
            "model": "tiny",
            "seconds_per_unit": 0.002,
            "samples": 120,
            "updated_at": "2026-11-20T14:30:12Z",
        }
    ],
}
STORAGE: Final[dict[str, Any]] = {
    "measured_at": "2026-11-20T14:25:00Z",
    "kinds": [{"kind": "video", "objects": 812, "bytes": 903412224}],
    "users": [{"user_id": _USER, "email": _EMAIL, "objects": 40, "bytes": 51200000}],
    "trash": {"objects": 12, "bytes": 1048576},
    "deletable": {"objects": 3, "bytes": 65536},
    "collected_at": "2026-11-20T14:25:00Z",
    "removed": {"objects without a row": 7},
}
FAILURES: Final[dict[str, Any]] = {
    "data": [
        {
            "job_id": _JOB,
            "user_id": _USER,
            "email": _EMAIL,
            "code": "worker_lost",
            "stage": "upscale",
            "message": "The worker was lost 3 times while it ran this job.",
            "model": "tiny",
            "attempts": 3,
            "failures": 0,
            "losses": 3,
            "created_at": "2026-11-20T14:20:00Z",
            "started_at": "2026-11-20T14:20:01Z",
            "finished_at": "2026-11-20T14:22:30Z",
        }
    ],
    "codes": ["stage_failed", "worker_lost"],
    "first_id": _JOB,
    "last_id": _JOB,
    "has_more": False,
}
