"""Features come in the order of the images, whatever the batch, and nothing that is broken gets through."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from mdpr.errors import ConfigError, FormatError, ModelError
from mdpr.reid.data import ReidImages
from mdpr.reid.data.images import read_image, resize_image
from mdpr.reid.evaluation.extract import extract_features
from mdpr.reid.evaluation.features_file import images_digest, load_features, save_features
from mdpr.reid.evaluation.models import FeatureModel, model_file, open_model
from mdpr.reid.network import build_model
from mdpr.reid.network.checkpoint import save_model
from reid_images import save_person


def mean_colour(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    return crops.mean(axis=(1, 2), dtype=np.float32)


MEAN = FeatureModel("mean colour", "mean-1", (16, 8), mean_colour)


@pytest.fixture
def images(tmp_path: Path) -> ReidImages:
    """Flat pictures of different colours and sizes; the last two are boxes of one picture."""
    paths = []
    for number in range(9):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (10 + number, 30 - number), (20 * number, 255 - 20 * number, 7)).save(path)
        paths.append(str(path))
    two = np.zeros((20, 20, 3), np.uint8)
    two[:, 10:] = (200, 100, 50)
    Image.fromarray(two).save(tmp_path / "two.png")
    boxes = np.full((11, 4), np.nan, np.float32)
    boxes[9:] = [[0, 0, 10, 20], [10, 0, 20, 20]]
    return ReidImages.of([*paths, *[str(tmp_path / "two.png")] * 2], list(range(1, 12)), boxes=boxes)


@pytest.mark.parametrize(("batch", "workers"), [(1, 1), (3, 2), (4, 5), (64, 0)])
def test_rows_stand_in_order_and_are_bgr(images: ReidImages, batch: int, workers: int) -> None:
    done: list[int] = []
    rows = extract_features(MEAN, images, batch, workers, done.append)
    expected = [[7, 255 - 20 * i, 20 * i] for i in range(9)] + [[0, 0, 0], [50, 100, 200]]
    np.testing.assert_allclose(rows, expected, atol=0.01)
    assert sum(done) == 11
    assert max(done) <= batch


def test_no_images_give_no_rows() -> None:
    assert extract_features(MEAN, ReidImages.of([], [])).shape == (0, 0)


def test_an_unreadable_picture_is_named(images: ReidImages) -> None:
    Path(images.paths[6]).write_bytes(Path(images.paths[6]).read_bytes()[:40])
    with pytest.raises(FormatError, match=r"6\.png"):
        extract_features(MEAN, images, 2)


def test_what_a_model_gives_is_checked(images: ReidImages) -> None:
    with pytest.raises(ModelError, match=r"expected 4 rows of features, got shape \(4,\)"):
        extract_features(FeatureModel("flat", "", (4, 4), lambda crops: np.zeros(len(crops), np.float32)), images, 4)
    one_nan = lambda crops: np.where(np.arange(len(crops)) == 2, np.nan, 1.0)[:, None]  # noqa: E731
    with pytest.raises(ModelError, match=r"not finite for .*2\.png"):
        extract_features(FeatureModel("nan", "", (4, 4), one_nan), images, 11)
    with pytest.raises(ConfigError, match="batch of 1 or more"):
        extract_features(MEAN, images, 0)


def test_checkpoint_gives_the_network_s_embedding(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_model("mdpr-s", width=8, input_size=(64, 32)).eval()
    path = tmp_path / "run" / "best" / "model.safetensors"
    path.parent.mkdir(parents=True)
    save_model(network, path, {})
    people = [str(save_person(tmp_path / f"{identity}.png", identity, size=(70, 30))) for identity in (1, 2, 3)]
    assert model_file(str(tmp_path / "run")) == path
    model = open_model(path, engine="torch")
    rows = extract_features(model, ReidImages.of(people, [1, 2, 3]), 2)
    for person, row in zip(people, rows, strict=True):
        crop = torch.from_numpy(resize_image(read_image(person), (64, 32))).float()
        mean, std = torch.tensor(network.config.mean), torch.tensor(network.config.std)
        with torch.no_grad():
            expected = network(((crop - mean) / std).permute(2, 0, 1)[None])[0].numpy()
        np.testing.assert_allclose(row, expected, rtol=2e-3, atol=2e-4)
    assert model.fingerprint.startswith("model-")


@pytest.mark.shared
def test_onnx_model_runs(shared: Path, tmp_path: Path) -> None:
    path = shared / "models" / "osnet_x0_25" / "osnet_x0_25_msmt17.onnx"
    model = open_model(model_file(str(path)))
    people = ReidImages.of([str(save_person(tmp_path / f"{i}.png", i, size=(128, 64))) for i in (1, 1, 2)], [1, 1, 2])
    rows = extract_features(model, people, 2)
    assert rows.shape == (3, 512)
    np.testing.assert_allclose(rows[0], rows[1], rtol=1e-4, atol=1e-4)
    assert np.abs(rows[0] - rows[2]).max() > 0.05
    with pytest.raises(ConfigError, match="runs with ONNX Runtime as it is"):
        open_model(path, engine="torch")


def test_models_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model in this folder; expected one of best/model\.safetensors"):
        model_file(str(tmp_path))
    (tmp_path / "weights.pth").write_bytes(b"x")
    with pytest.raises(ModelError, match="import-checkpoint"):
        model_file(str(tmp_path / "weights.pth"))
    with pytest.raises(ModelError, match="not found"):
        model_file("osnet-99")


def test_kept_features_come_back_only_for_the_same_model_and_images(tmp_path: Path, images: ReidImages) -> None:
    path, digest = tmp_path / "features.npz", images_digest(images, images)
    one, two = np.eye(3, dtype=np.float32), np.ones((2, 3), np.float32)
    save_features(path, one, two, "m-1 fp32", digest)
    assert list(tmp_path.glob("*.part")) == []
    back = load_features(path, "m-1 fp32", digest)
    np.testing.assert_array_equal(back[0], one)
    np.testing.assert_array_equal(back[1], two)
    with pytest.raises(ConfigError, match="another model: expected m-2 fp32, got m-1 fp32"):
        load_features(path, "m-2 fp32", digest)
    moved = ReidImages.of([path.replace("0.png", "x.png") for path in images.paths], images.pids, boxes=images.boxes)
    with pytest.raises(ConfigError, match="another images"):
        load_features(path, "m-1 fp32", images_digest(moved, images))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(FormatError, match="not a whole"):
        load_features(path, "m-1 fp32", digest)
