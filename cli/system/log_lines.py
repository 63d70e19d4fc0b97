"""The error in the last lines of a log: JSON of structlog, or the plain text of an interpreter that does not start."""

import contextlib
import json
from typing import Any, Final

# An event of the log of `ray`.
WAITING_FOR_STAGES: Final = "waiting for stages"
ERROR_LEVELS: Final = ("error", "critical")


def events(log: str) -> list[dict[str, Any]]:
    """Every line, oldest first; one that is not JSON is an event without a level."""
    return [event_of(line) for line in log.splitlines() if line.strip()]


def event_of(line: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        event = json.loads(line)
        if isinstance(event, dict):
            return event
    return {"event": line.strip()}


def cause(log: str) -> str:
    """Why a process has ended: the newest error, otherwise the newest line. One line of text."""
    newest_first = events(log)[::-1]
    errors = [event for event in newest_first if event.get("level") in ERROR_LEVELS]
    event = next(iter([*errors, *newest_first]), None)
    if event is None:
        return "it has written nothing"
    exception = str(event.get("exception", "")).strip().splitlines()
    parts = (str(event.get("event", "")), str(event.get("error") or (exception[-1] if exception else "")))
    return ": ".join(part for part in parts if part)


def waiting_stages(log: str) -> tuple[str, ...]:
    """The stages that the newest line of the log of `ray` names; none before the first such line."""
    for event in reversed(events(log)):
        if event.get("event") == "ready":
            break
        if event.get("event") == WAITING_FOR_STAGES:
            return tuple(event["stages"])
    return ()
