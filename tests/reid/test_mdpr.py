"""The MDPR embedder: distances of the checkpoint, what `--reid` accepts, what it refuses."""

from __future__ import annotations

import copy
import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mdpr.errors import ConfigError, ModelError
from mdpr.pipeline.config import component_of
from mdpr.reid.crops import crop_people
from mdpr.reid.mdpr import MdprEmbedder
from mdpr.reid.network import MdprNetwork
from mdpr.reid.network.checkpoint import save_model

Config = MdprEmbedder.Config


def test_rows_are_the_networks(tiny_model: MdprNetwork, tiny_checkpoint: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    boxes = np.array([[0, 0, 60, 90], [30, 10, 100, 80]], np.float32)
    rows = MdprEmbedder(Config(str(tiny_checkpoint), engine="torch", precision="fp32")).embed([image], [boxes])
    crops, _ = crop_people([image], [boxes], 64, 32)
    config = tiny_model.config
    images = (crops[..., ::-1].astype(np.float32) - config.mean) / config.std
    with torch.no_grad():
        raw = tiny_model(torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32))).numpy()
    np.testing.assert_allclose(rows, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-5)


def test_torch_is_loaded_only_to_convert(tiny_checkpoint: Path) -> None:
    """It takes seconds at every start; a network that lies converted in the cache needs none of it."""
    pytest.importorskip("openvino")
    image, boxes = np.full((90, 120, 3), 99, np.uint8), np.array([[0, 0, 60, 90]], np.float32)
    here = MdprEmbedder(Config(str(tiny_checkpoint), engine="openvino", device="cpu")).embed([image], [boxes])
    code = f"""
import sys, numpy as np
from mdpr.reid.mdpr import MdprEmbedder
embedder = MdprEmbedder(MdprEmbedder.Config({str(tiny_checkpoint)!r}, engine="openvino", device="cpu"))
rows = embedder.embed([np.full((90, 120, 3), 99, np.uint8)], [np.array([[0, 0, 60, 90]], np.float32)])
print("torch" in sys.modules, rows.astype(np.float32).tobytes().hex())
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert out[0] == "False"
    np.testing.assert_array_equal(np.frombuffer(bytes.fromhex(out[1]), np.float32), here[0])


def test_distances(tiny_checkpoint: Path) -> None:
    told = MdprEmbedder(Config(str(tiny_checkpoint), engine="torch"))
    assert (told.match_distance, told.sure_distance) == (0.5, 0.2)
    asked = MdprEmbedder(Config(str(tiny_checkpoint), engine="torch", match_distance=0.6))
    assert (asked.match_distance, asked.sure_distance) == (0.6, 0.2)


def test_flip_test_is_asked_for_or_told_by_the_checkpoint(
    tiny_model: MdprNetwork, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    """Embeddings of the two are not comparable, so the fingerprints differ."""
    told = copy.deepcopy(tiny_model)
    told.config = dataclasses.replace(told.config, flip_test=True)
    save_model(told, tmp_path / "told.safetensors", {})
    plain, asked, as_told, refused = (
        MdprEmbedder(Config(str(path), engine="torch", precision="fp32", flip_test=flip_test))
        for path, flip_test in (
            (tiny_checkpoint, None), (tiny_checkpoint, True), (tmp_path / "told.safetensors", None),
            (tmp_path / "told.safetensors", False),
        )
    )  # fmt: skip
    assert len({one.fingerprint for one in (plain, asked, as_told, refused)}) == 4
    assert ["mirrored" in one.description for one in (plain, asked, as_told, refused)] == [False, True, True, False]
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    boxes = [np.array([[0, 0, 60, 90], [30, 10, 100, 80]], np.float32)]
    rows = [one.embed([image], boxes) for one in (plain, asked, as_told, refused)]
    np.testing.assert_allclose(rows[1], rows[2], atol=1e-6)
    np.testing.assert_allclose(rows[0], rows[3], atol=1e-6)
    assert np.abs(rows[0] - rows[1]).max() > 1e-3


@pytest.mark.parametrize("name", ["mdpr-s", "some/model.safetensors", "mdpr"])
def test_names_that_reid_takes(name: str) -> None:
    component = component_of("reid", {"name": name})
    assert component.name == "mdpr"
    assert component.options.weights == (name if name != "mdpr" else "mdpr-s")


def test_weights_that_are_nowhere() -> None:
    with pytest.raises(ModelError, match="MDPR checkpoint 'mdpr-r50' not found") as caught:
        component_of("reid", {"name": "mdpr-r50"}).make()
    assert "mdpr-r50.safetensors" in str(caught.value)


@pytest.mark.parametrize("options", [{"match_distance": 0.0}, {"sure_distance": 3.0}, {"engine": "magic"}])
def test_options_that_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Config(**options)  # type: ignore[arg-type]
