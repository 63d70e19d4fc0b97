"""`aura bench`: the benchmarks of `tests/bench/`, which are part of a checkout and not of the installed package."""

import asyncio
import importlib
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

_REPOSITORY: Final = Path(__file__).parents[1]
# The rows in the order in which they run, each a module of tests/bench with a coroutine `measure`.
ROWS: Final = (
    "crowd", "queue", "empty", "gateway", "videos", "storm", "sockets", "leak", "pipelining", "fan_out", "hop",
    "cancel", "crash", "simulate", "real_job", "film",
)  # fmt: skip


class NoCheckout(Exception):
    """The benchmarks need a checkout of the repository and the extra `dev`."""


def run(rows: Sequence[str], *, quick: bool, echo: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure these rows on a PostgreSQL of their own, and print a table of them at the end. NoCheckout.

    A row that raises an error is one result with the member `error`; the rows after it are measured all the same.
    """
    if not (_REPOSITORY / "tests" / "bench").is_dir():
        raise NoCheckout(NoCheckout.__doc__)
    sys.path.insert(0, str(_REPOSITORY))
    try:
        modules = {row: importlib.import_module(f"tests.bench.{row}") for row in rows}
        database = importlib.import_module("tests.bench.database")
        table = importlib.import_module("tests.bench.result").table
    except ModuleNotFoundError as error:
        raise NoCheckout(f"{NoCheckout.__doc__} ({error})") from error

    failures: list[dict[str, Any]] = []

    async def measure() -> list[Any]:
        measured: list[Any] = []
        with database.server() as server:
            for row in rows:
                echo(f"{row} ...")
                try:
                    measured += await modules[row].measure(server, quick=quick)
                except Exception as error:  # noqa: BLE001  (reported with its traceback, and by the exit status)
                    traceback.print_exc()
                    failures.append({"row": row, "what": row, "met": False, "error": f"{error!r}"})
        return measured

    results = asyncio.run(measure())
    echo(table(results))
    return [result.as_json() for result in results] + failures


def simulate(
    times: Path | None, users: Sequence[int], *, clips_per_day: float, peak: float, gpu_price: float, failures: float
) -> list[Any]:
    """An `Answer` of tests/bench/scale.py for each number of users, with the seconds of the stages in a file.

    NoCheckout; ValueError for a file that is not the JSON of a `Work` of tests/bench/simulation.py.
    """
    scale = _scale()
    try:
        work = scale.Work(**json.loads(times.read_text())) if times else scale.GOALS
    except (TypeError, OSError) as error:
        raise ValueError(str(error)) from error
    demands = [scale.Demand(count, clips_per_day, peak) for count in users]
    return [scale.answer(work, demand, gpu_price=gpu_price, failures=failures) for demand in demands]


def scale_table(answers: Sequence[Any]) -> str:
    return str(_scale().table(answers))


def _scale() -> Any:
    if not (_REPOSITORY / "tests" / "bench").is_dir():
        raise NoCheckout(NoCheckout.__doc__)
    sys.path.insert(0, str(_REPOSITORY))
    try:
        return importlib.import_module("tests.bench.scale")
    except ModuleNotFoundError as error:
        raise NoCheckout(f"{NoCheckout.__doc__} ({error})") from error


def write_json(results: list[dict[str, Any]], file: Path) -> None:
    file.write_text(json.dumps(results, indent=2) + "\n")
