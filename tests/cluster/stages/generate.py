"""As in the fault tests."""

from tests.faults.stages.generate import Generate

__all__ = ["Generate"]
