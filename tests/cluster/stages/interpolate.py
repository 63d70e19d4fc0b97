"""As in the fault tests."""

from tests.faults.stages.interpolate import Interpolate

__all__ = ["Interpolate"]
