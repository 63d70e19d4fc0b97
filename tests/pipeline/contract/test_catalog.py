import subprocess
import sys

import pytest

from pipeline.contract.catalog import INTERPOLATORS, MODELS, UPSCALERS, Model, Weights

ALL = (*MODELS.values(), *INTERPOLATORS.values(), *UPSCALERS.values())


@pytest.mark.parametrize("weights", ALL, ids=lambda weights: weights.name)
def test_all_weights_have_a_source_and_a_licence(weights: Weights) -> None:
    assert weights.source
    assert weights.licence
    assert weights.size_bytes > 0
    assert weights.files


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_a_model_refers_to_existing_parts(model: Model) -> None:
    assert set(model.interpolators) <= set(INTERPOLATORS)
    assert {scale: UPSCALERS[name].scale for scale, name in model.upscalers.items()} == {2: 2, 4: 4}
    assert model.scheduler in model.schedulers


def test_the_contract_imports_neither_torch_nor_ray() -> None:
    program = """
import importlib, pkgutil, sys
import pipeline.contract

for module in pkgutil.iter_modules(pipeline.contract.__path__):
    importlib.import_module(f"pipeline.contract.{module.name}")
sys.exit(bool({"torch", "ray", "numpy", "db", "fastapi"} & sys.modules.keys()))
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
