"""As in the fault tests."""

from tests.faults.stages.preprocess import Preprocess

__all__ = ["Preprocess"]
