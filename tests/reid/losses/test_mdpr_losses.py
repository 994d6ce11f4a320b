"""All terms together: names, weights, switches, types, gradients, errors."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.losses import LossConfig, mdpr_losses
from mdpr.reid.losses.classification import circle_logits, smoothed_cross_entropy
from mdpr.reid.losses.distillation import mutual_distillation
from mdpr.reid.losses.diversity import attention_size, diversity
from mdpr.reid.losses.triplet import batch_hard_triplet
from mdpr.reid.network import MdprNetwork, MdprOutputs, build_model

TARGETS = torch.tensor([0, 0, 1, 2])
IMAGES = torch.randn(4, 3, 96, 32, generator=torch.Generator().manual_seed(0))


def make(**overrides: Any) -> MdprNetwork:
    torch.manual_seed(0)
    return build_model("mdpr-s", num_classes=3, backbone_width=0.1, width=8, input_size=(96, 32), **overrides)


def outputs_of(**overrides: Any) -> MdprOutputs:
    with torch.no_grad():
        outputs = make(**overrides)(IMAGES)
    assert isinstance(outputs, MdprOutputs)
    return outputs


def converted(outputs: MdprOutputs, dtype: torch.dtype) -> MdprOutputs:
    return MdprOutputs(
        *(
            {name: tensor.to(dtype) for name, tensor in getattr(outputs, field.name).items()}
            for field in dataclasses.fields(outputs)
            if field.name != "has_diversity"
        )
    )


@pytest.fixture(scope="module")
def outputs() -> MdprOutputs:
    return outputs_of()


@pytest.mark.parametrize("stripes", [1, 2, 3])
def test_names(stripes: int) -> None:
    heads = ["hard_global", *(f"hard_part_{i}" for i in range(stripes)), "attn_feature4", "attn_feature3", "fusion"]
    expected = {f"{head}_{term}" for head in heads for term in ("cls", "triplet")}
    expected |= {"attn_bap4_cls", "attn_bap3_cls", "mutual_distillation"}
    expected |= {f"diversity_loss_{kind}{level}" for kind in ("", "reg_") for level in (4, 3)}
    losses = mdpr_losses(outputs_of(stripes=stripes), TARGETS)
    assert set(losses) == expected
    assert all(loss.shape == () and torch.isfinite(loss) for loss in losses.values())


@pytest.mark.parametrize(("switch", "terms"), [("fusion", 2), ("diversity", 4), ("distillation", 1), ("guidance", 0)])
def test_switches_take_their_terms_away(switch: str, terms: int, outputs: MdprOutputs) -> None:
    everything, left = set(mdpr_losses(outputs, TARGETS)), set(mdpr_losses(outputs_of(**{switch: False}), TARGETS))
    assert left < everything or not terms
    assert len(everything - left) == terms
    assert all(switch in name for name in everything - left)


def test_each_term_is_its_formula_with_its_weight(outputs: MdprOutputs) -> None:
    config = LossConfig(
        label_smoothing=0.2,
        circle_scale=16,
        circle_margin=0.2,
        triplet_margin=0.5,
        attention_weight=0.01,
        distillation_weight=3,
    )
    expected = {
        f"{name}_cls": smoothed_cross_entropy(circle_logits(cosines, TARGETS, 16, 0.2), TARGETS, 0.2)
        for name, cosines in outputs.cosines.items()
    }
    for name, feature in outputs.features.items():
        if "bap" not in name:
            expected[f"{name}_triplet"] = batch_hard_triplet(feature, TARGETS, 0.5)
    for level in (4, 3):
        expected[f"diversity_loss_{level}"] = diversity(outputs.attended[f"attn{level}"])
        expected[f"diversity_loss_reg_{level}"] = 0.01 * attention_size(outputs.attentions[f"attn{level}"])
    features, predictions = outputs.features, outputs.predictions
    expected["mutual_distillation"] = 3 * mutual_distillation(
        features["hard_global"],
        features["attn_feature4"],
        predictions["hard_global"],
        predictions["attn_feature4"],
    )
    found = mdpr_losses(outputs, TARGETS, config)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(float(value), rel=1e-6), name


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_outputs_give_finite_float32(dtype: torch.dtype, outputs: MdprOutputs) -> None:
    large = dataclasses.replace(outputs, features={name: 300 * x for name, x in outputs.features.items()})
    for loss in mdpr_losses(converted(large, dtype), TARGETS).values():
        assert loss.dtype == torch.float32
        assert torch.isfinite(loss)


def test_autocast_around_the_losses_changes_nothing(outputs: MdprOutputs) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        found = mdpr_losses(outputs, TARGETS)
    for name, expected in mdpr_losses(outputs, TARGETS).items():
        torch.testing.assert_close(found[name], expected, rtol=0, atol=0, msg=name)


SWITCHES = [{}, *({switch: False} for switch in ("fusion", "guidance", "distillation", "diversity")), {"attentions": 1}]


@pytest.mark.parametrize("overrides", SWITCHES, ids=str)
def test_the_sum_reaches_every_trained_parameter(overrides: dict[str, Any]) -> None:
    """Else training in several processes would wait for gradients that never come."""
    model = make(**overrides)
    torch.stack(list(mdpr_losses(model(IMAGES), TARGETS).values())).sum().backward()
    trained = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    assert [name for name, gradient in trained.items() if gradient is None] == []
    assert all(torch.isfinite(gradient).all() for gradient in trained.values() if gradient is not None)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.tensor([0, 1, 2]), r"shape \(3,\), expected \(4,\)"),
        (torch.tensor([[0, 0, 1, 2]]), r"shape \(1, 4\), expected \(4,\)"),
        (torch.tensor([0, 0, 1, 3]), r"lie in \[0, 3\], expected \[0, 3\)"),
        (torch.tensor([0, 0, -1, 2]), r"lie in \[-1, 2\], expected \[0, 3\)"),
        (torch.tensor([0.0, 0, 1, 2]), r"type torch.float32, expected torch.int64"),
        (torch.tensor([0, 0, 1, 2], dtype=torch.int32), r"type torch.int32, expected torch.int64"),
    ],
)
def test_wrong_targets(targets: torch.Tensor, message: str, outputs: MdprOutputs) -> None:
    with pytest.raises(FormatError, match=message):
        mdpr_losses(outputs, targets)


def test_no_crops(outputs: MdprOutputs) -> None:
    nothing = MdprOutputs({}, {"hard_global": torch.zeros(0, 3)}, {}, {}, {}, False)
    with pytest.raises(FormatError, match="no crops"):
        mdpr_losses(nothing, TARGETS[:0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("label_smoothing", 1.0),
        ("label_smoothing", -0.1),
        ("circle_scale", 0.0),
        ("circle_margin", -0.1),
        ("triplet_margin", -1.0),
        ("attention_weight", -0.001),
        ("distillation_weight", -1.0),
    ],
)
def test_config_errors_name_the_field(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"loss\.{name}: expected .* got {value}"):
        LossConfig(**{name: value})
