"""A measured row: two figures of one run, their ratio, and the goal."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

_COLUMNS: Final = ("row", "what", "numerator", "denominator", "ratio", "goal", "load", "met")


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound of the ratio, or of the numerator where only the figure itself says something."""

    bound: float
    # "within": the ratio differs from 1 by at most the bound.
    kind: Literal["at least", "at most", "within"]
    of: Literal["ratio", "numerator"] = "ratio"

    def __str__(self) -> str:
        sign = {"at least": "≥", "at most": "≤", "within": "1 ±"}[self.kind]
        return f"{sign} {self.bound:g}" + (" (numerator)" if self.of == "numerator" else "")


@dataclass(frozen=True, slots=True)
class Result:
    row: str
    what: str
    numerator: float
    denominator: float
    goal: Goal
    # Runnable processes per core during the measurement: a machine under other load blurs every figure.
    load: float = field(default_factory=lambda: os.getloadavg()[0] / (os.cpu_count() or 1))

    @property
    def ratio(self) -> float:
        return self.numerator / self.denominator if self.denominator else float("inf")

    @property
    def met(self) -> bool:
        value = self.ratio if self.goal.of == "ratio" else self.numerator
        if self.goal.kind == "within":
            return abs(value - 1) <= self.goal.bound
        return value >= self.goal.bound if self.goal.kind == "at least" else value <= self.goal.bound

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "goal": str(self.goal), "ratio": self.ratio, "met": self.met}


def table(results: Sequence[Result]) -> str:
    """The results as a Markdown table."""
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|" + "---|" * len(_COLUMNS)]
    for result in results:
        figures = [f"{value:.3g}" for value in (result.numerator, result.denominator, result.ratio)]
        cells = [
            result.row,
            result.what,
            *figures,
            str(result.goal),
            f"{result.load:.1f}",
            "yes" if result.met else "NO",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def percentile_95(values: Sequence[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))]
