"""`aura models`: the list, the paths and the models of a user."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from cli.main import app
from pipeline.contract import catalog
from tests.cli.hub import Hub


def test_an_unknown_model_is_an_error_with_the_known_names(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["models", "pull", "nonsense", "--data-dir", str(tmp_path)])
    assert result.exit_code == 2
    assert "animatediff" in result.stderr


def test_a_missing_model_names_the_command_that_gets_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["models", "path", "wan-1.3b", "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert "aura models pull wan-1.3b" in result.stderr


def test_the_list_as_json_has_pinned_revisions_for_every_family(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["models", "list", "--json", "--data-dir", str(tmp_path)])
    entries = json.loads(result.stdout)
    published = [entry for entry in entries if entry["stage"] in ("generate", "lora") and entry["name"] != "tiny"]
    assert {entry["family"] for entry in entries if entry["stage"] == "generate"} == set(catalog.FAMILIES)
    for entry in published:
        assert entry["revisions"], entry["name"]
        assert all(len(revision) == 40 for revision in entry["revisions"].values()), entry["name"]
        assert entry["sha256"], entry["name"]


def test_the_list_has_the_published_hashes_and_pins_every_other_file_to_a_commit(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["models", "list", "--json", "--data-dir", str(tmp_path)])
    hashes = {address: sha256 for entry in json.loads(result.stdout) for address, sha256 in entry["sha256"].items()}
    stated = {address.rpartition("/")[2]: sha256 for address, sha256 in hashes.items() if sha256}
    assert {name: sha256[:12] for name, sha256 in stated.items()} == {
        "RealESRGAN_x4plus.pth": "4fa0d38905f7", "RealESRGAN_x2plus.pth": "49fafd45f8fd",
        "realesr-general-x4v3.pth": "8dc7edb9ac80", "realesr-general-wdn-x4v3.pth": "1641f8c4464b",
        "realesr-animevideov3.pth": "b8a837681107", "film_net_fp32.pt": "f810cada26d0",
        "AnimateLCM_sd15_t2v.ckpt": "b46c3de62e56", "AnimateLCM_sd15_t2v_lora.safetensors": "8f90d840e075",
        "DreamShaper_8_pruned.safetensors": "879db523c30d", "AbsoluteReality_1.8.1_pruned.safetensors": "463d6a9fe8a4",
        "mm_sdxl_v10_beta.ckpt": "fa4950a062e8",
    }  # fmt: skip
    for address, sha256 in hashes.items():
        assert sha256 or re.search("/resolve/[0-9a-f]{40}/", address), address


def test_own_models_are_pulled_verified_and_found(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "LORAS", dict(catalog.LORAS))
    monkeypatch.setattr("pipeline.models.weights.LORAS", catalog.LORAS)
    save_file({"unet.x.lora_A.weight": torch.zeros(1, 1)}, hub.root / "style.safetensors")
    sha256 = hashlib.sha256((hub.root / "style.safetensors").read_bytes()).hexdigest()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "models.toml").write_text(
        f'[[lora]]\nname = "my-style"\ntitle = "Mine"\nlicence = "own"\nfits = ["sd15"]\n'
        f'files = [{{path = "lora.safetensors", url = "{hub.url}/style.safetensors", sha256 = "{sha256}"}}]\n'
    )
    run = CliRunner().invoke
    options = ["my-style", "--data-dir", str(tmp_path)]

    assert run(app, ["models", "pull", *options]).exit_code == 0
    assert run(app, ["models", "verify", *options]).exit_code == 0
    assert run(app, ["models", "path", *options]).stdout.strip() == str(tmp_path / "models" / "loras" / "my-style")
    (tmp_path / "models" / "loras" / "my-style" / "lora.safetensors").write_bytes(b"broken")
    broken = run(app, ["models", "verify", *options])
    assert broken.exit_code == 1
    assert "its hash is" in broken.stdout
    shutil.rmtree(tmp_path / "models" / "loras")
    assert "missing: run `aura models pull my-style`" in run(app, ["models", "verify", *options]).stdout
