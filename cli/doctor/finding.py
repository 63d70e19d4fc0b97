"""What one check has found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """A WARNING leaves AuraAnim usable; with a PROBLEM it does not start or does not work."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """A row of the table: the thing, the verdict, what was found, and what to do if that is not right."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""

    def line(self) -> str:
        return f"{self.name}: {self.found}" + (f": {self.advice}" if self.advice else "")


def ok(name: str, found: str) -> Finding:
    return Finding(name, Verdict.OK, found)


def warning(name: str, found: str, advice: str) -> Finding:
    return Finding(name, Verdict.WARNING, found, advice)


def problem(name: str, found: str, advice: str) -> Finding:
    return Finding(name, Verdict.PROBLEM, found, advice)
