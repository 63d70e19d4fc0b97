import pytest
import torch

from pipeline.contract.hardware import Hardware
from pipeline.models import hardware
from pipeline.models.hardware import Device


def test_auto_is_an_available_device() -> None:
    assert hardware.resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    assert hardware.resolve_device("cuda:1") == "cuda:1"


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp16", torch.float16), ("bf16", torch.bfloat16), ("fp32", torch.float32)]
)
def test_the_configured_precision_is_used(precision: str, dtype: torch.dtype) -> None:
    assert Device.of(Hardware("cpu", precision)).dtype("bf16") is dtype  # type: ignore[arg-type]


def test_the_precision_of_the_cpu_is_single_by_default() -> None:
    assert Device.of("cpu").dtype("bf16") is torch.float32


def test_the_cpu_has_no_budget_of_device_memory() -> None:
    assert Device.of("cpu").budget().available is None


def test_a_share_of_a_card_is_its_budget_and_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a card, the calls of torch are recorded."""
    limits: list[tuple[float, torch.device]] = []
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: type("Card", (), {"total_memory": 12 * 2**30}))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda *args: limits.append(args))
    device = Device.of(Hardware("cuda", memory_share=0.5))

    device.reserve()

    assert device.budget().available == 6 * 2**30
    assert limits == [(0.5, torch.device("cuda"))]
