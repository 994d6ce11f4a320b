"""Loading, class numbers and refusals; random weights say nothing about quality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mdpr.detectors.torchvision_models import CLASS_OF_LABEL, Torchvision
from mdpr.errors import ConfigError, ModelError
from mdpr.types import Frame

SSD = "ssdlite320_mobilenet_v3_large"


def test_class_numbers_follow_the_names() -> None:
    """torchvision publishes its category names; without the "N/A" among them they are in YOLO's order."""
    torchvision = pytest.importorskip("torchvision")
    names = torchvision.models.get_model_weights(SSD)["DEFAULT"].meta["categories"]
    real = [name for name in names if name not in ("__background__", "N/A")]
    assert len(real) == 80
    for label, name in enumerate(names):
        assert CLASS_OF_LABEL[label] == (real.index(name) if name in real else -1)
    assert real[0] == "person"
    assert CLASS_OF_LABEL[1] == 0


class FixedAnswer:
    """Stands for the network: labels 1 (person), 3 (car), 12 (never annotated), 90 (toothbrush)."""

    def __call__(self, images: list[object]) -> list[dict[str, object]]:
        import torch

        boxes = torch.tensor([[0, 0, 10, 20], [5, 5, 500, 30], [0, 0, 5, 5], [1, 1, 9, 9.0]])
        return [{"boxes": boxes, "labels": torch.tensor([1, 3, 12, 90]), "scores": torch.tensor([0.4, 0.9, 0.8, 0.7])}]


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_state_dict_and_class_mapping(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    from safetensors.torch import save_file

    torch.manual_seed(1)
    state = torchvision.models.get_model(SSD, weights=None, weights_backbone=None).state_dict()
    path = tmp_path / f"{SSD}{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    monkeypatch.setenv("MDPR_MODELS", str(tmp_path))  # found by name, as a user would put it there
    detector = Torchvision(Torchvision.Config(model=SSD, device="cpu", classes=None))
    for key, value in detector._model.state_dict().items():
        torch.testing.assert_close(value, state[key], rtol=0, atol=0)
    assert detector._model.score_thresh == 0.1
    assert detector._model.nms_thresh == 0.5

    monkeypatch.setattr(detector, "_model", FixedAnswer())
    frame = Frame("cam", 0, 0.0, np.zeros((40, 60, 3), np.uint8))
    found = detector.detect([frame])[0]
    assert found.class_id.tolist() == [2, 79, 0]
    assert found.xyxy[0].tolist() == [5, 5, 60, 30]
    monkeypatch.setattr(detector, "_classes", (0,))
    assert detector.detect([frame])[0].xyxy.tolist() == [[0, 0, 10, 20]]


def test_never_random_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"weights of {SSD} '{SSD}' not found(.|\n)*MDPR_OFFLINE"):
        Torchvision(Torchvision.Config(model=SSD, device="cpu"))
    torch = pytest.importorskip("torch")
    torch.save({"other": torch.zeros(3)}, tmp_path / "other.pt")
    (tmp_path / "text.pt").write_text("nothing")
    for file in ("other.pt", "text.pt"):
        with pytest.raises(ModelError, match=f"{file}: not a state dict of torchvision's {SSD}"):
            Torchvision(Torchvision.Config(model=SSD, weights=str(tmp_path / file), device="cpu"))
    with pytest.raises(ConfigError, match=r"no detection network 'yolo99'\. Known: .*fasterrcnn_resnet50_fpn_v2"):
        Torchvision(Torchvision.Config(model="yolo99", weights=str(tmp_path / "other.pt"), device="cpu"))
