"""The network with every switch, and what must hold whatever the weights are."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.losses import mdpr_losses
from mdpr.reid.network import MdprNetwork, MdprOutputs, build_model
from mdpr.reid.network.resnet import InstanceBatchNorm

SWITCHES = ("guidance", "fusion", "distillation", "diversity", "ibn")


def make(num_classes: int | None = 3, **overrides: Any) -> MdprNetwork:
    torch.manual_seed(0)
    tiny: dict[str, Any] = {"backbone_width": 0.1, "width": 8, "input_size": (64, 32)}
    return build_model("mdpr-s", num_classes=num_classes, **(tiny | overrides))


def images(count: int, height: int = 64, width: int = 32) -> Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(1))


def shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def settled(**overrides: Any) -> MdprNetwork:
    """A network in evaluation mode whose BatchNorm statistics are those of some pictures."""
    model = make(**overrides)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    with torch.no_grad():
        model(images(6))
    return model.eval()


@pytest.mark.parametrize("values", list(itertools.product([True, False], repeat=len(SWITCHES))), ids=str)
@pytest.mark.parametrize("depth", [18, 50])
def test_shapes_with_every_switch(depth: int, values: tuple[bool, ...]) -> None:
    switches = dict(zip(SWITCHES, values, strict=True))
    model = make(depth=depth, **switches)
    with torch.no_grad():
        outputs = model(images(2))
        embedding = model.eval()(images(1))
    assert isinstance(outputs, MdprOutputs)
    assert embedding.shape == (1, 5 * 8 + 32 * switches["fusion"])
    assert embedding.dtype == torch.float32
    assert torch.isfinite(embedding).all()
    widths = {name: end - begin for name, (begin, end) in model.config.slices.items()}
    widths |= {"attn_bap4": 16, "attn_bap3": 16}
    predicted = ("hard_global", "attn_feature4") if switches["distillation"] else ()
    levels = ("attn4", "attn3")
    assert shapes(outputs.features) == {name: (2, width) for name, width in widths.items()}
    assert shapes(outputs.cosines) == dict.fromkeys(widths, (2, 3))
    assert shapes(outputs.attended) == dict.fromkeys(levels, (2, 2, 8))
    assert shapes(outputs.attentions) == dict.fromkeys(levels, (2, 2, 4, 2))
    assert shapes(outputs.predictions) == dict.fromkeys(predicted, (2, 8))
    assert outputs.has_diversity == switches["diversity"]
    assert any(name.endswith(".IN.weight") for name in model.state_dict()) == switches["ibn"]


@pytest.mark.parametrize(("stripes", "attentions"), [(1, 1), (3, 4)])
def test_stripes_and_attentions(stripes: int, attentions: int) -> None:
    model = make(stripes=stripes, attentions=attentions, input_size=(96, 32))
    with torch.no_grad():
        outputs = model(images(2, 96))
        embedding = model.eval()(images(2, 96))
    assert embedding.shape == (2, 8 * (3 + stripes) + 32)
    assert outputs.attentions["attn3"].shape == (2, attentions, 6, 2)
    assert outputs.features["attn_bap3"].shape == (2, 8 * attentions)


@pytest.mark.parametrize("size", [(32, 32), (50, 37), (192, 96)])
def test_sizes(size: tuple[int, int]) -> None:
    model = make(input_size=size, stripes=2)
    with torch.no_grad():
        model(images(2, *size))
        assert model.eval()(images(2, *size)).shape == (2, 72)


def test_cosines_lie_between_minus_one_and_one() -> None:
    with torch.no_grad():
        outputs = make()(images(4))
    for cosines in outputs.cosines.values():
        assert cosines.abs().max() <= 1 + 1e-6


def test_rows_do_not_depend_on_their_company() -> None:
    model, crops = settled(), images(6)
    with torch.no_grad():
        together = model(crops)
        alone = torch.cat([model(crop[None]) for crop in crops])
        turned = model(crops.flip(0)).flip(0)
    assert (together[0] - together[1]).abs().max() > 1e-2  # else the rest would show nothing
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(together, turned, rtol=1e-4, atol=1e-4)


def test_flip_test_is_the_mean_with_the_mirror_image() -> None:
    model, crops = settled(), images(3)
    with torch.no_grad():
        plain, mirrored = model(crops), model(crops.flip(3))
        model.config = dataclasses.replace(model.config, flip_test=True)
        assert (plain - mirrored).abs().max() > 1e-2  # else the rest would show nothing
        torch.testing.assert_close(model(crops), (plain + mirrored) / 2, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model(crops.flip(3)), model(crops), rtol=1e-4, atol=1e-5)
    model.train()
    assert model(crops).features["fusion"].shape == (3, 32)  # training sees the pictures as they are


def test_evaluation_changes_nothing() -> None:
    model = settled()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        first = model(images(3))
        model.attention_maps(images(3))
        assert torch.equal(first, model(images(3)))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("guidance", [True, False])
def test_attention_maps(guidance: bool) -> None:
    maps = settled(guidance=guidance, attentions=3).attention_maps(images(2))
    assert list(maps) == ["attn4", "attn3"]
    for attention in maps.values():
        assert attention.shape == (2, 3, 4, 2)
        assert not attention.requires_grad
        assert attention.min() >= 0
        assert attention.sum(dim=1).max() <= 1 + 1e-6  # the rest is background
        assert attention.sum(dim=1).min() < 0.99
        assert attention.std() > 0


ONE_BRANCH = {"fusion": False, "distillation": False}


@pytest.mark.parametrize(
    ("overrides", "slices"),
    [
        ({"branches": "hard"}, ["hard_global", "hard_part_0", "hard_part_1"]),
        ({"branches": "hard", "stripes": 0}, ["hard_global"]),
        ({"branches": "soft"}, ["attn_feature4", "attn_feature3"]),
    ],
)
def test_one_branch_has_the_parts_and_the_loss_terms_of_that_branch(
    overrides: dict[str, Any], slices: list[str]
) -> None:
    model = make(**ONE_BRANCH, **overrides)
    assert list(model.config.slices) == slices
    assert model.eval()(images(2)).shape == (2, 8 * len(slices))
    both = set(mdpr_losses(make(**ONE_BRANCH).outputs(images(4)), torch.tensor([0, 0, 1, 1])))
    terms = mdpr_losses(model.train().outputs(images(4)), torch.tensor([0, 0, 1, 1]))
    kept = {name for name in both if name.removesuffix("_cls").removesuffix("_triplet") in slices}
    soft = {name for name in both if name.startswith(("attn_bap", "diversity"))}
    assert set(terms) == kept | (soft if overrides["branches"] == "soft" else set())
    torch.stack(list(terms.values())).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters() if parameter.requires_grad)


def test_one_branch_is_what_both_are_without_the_other() -> None:
    both = settled(**ONE_BRANCH)
    for branch, part in (("hard", slice(0, 24)), ("soft", slice(24, 40))):
        one = make(branches=branch, **ONE_BRANCH).eval()
        one.load_state_dict({name: value for name, value in both.state_dict().items() if name in one.state_dict()})
        torch.testing.assert_close(one(images(3)), both(images(3))[:, part])


def test_attention_maps_need_the_soft_branch() -> None:
    with pytest.raises(ConfigError, match="soft branch"):
        make(branches="hard", **ONE_BRANCH).eval().attention_maps(images(2))


def test_attention_maps_refuse_training_mode() -> None:
    with pytest.raises(ConfigError, match="in training mode; call eval"):
        make().attention_maps(images(2))


def test_guidance_lets_layer_3_see_what_layer_4_attends_to() -> None:
    changed = {}
    for guidance in (True, False):
        model = settled(guidance=guidance)
        before = model.attention_maps(images(2))["attn3"]
        with torch.no_grad():
            model.soft.logits4.bn.bias += 1
        changed[guidance] = not torch.equal(before, model.attention_maps(images(2))["attn3"])
    assert changed == {True: True, False: False}


def test_branches_begin_equal_and_are_not_shared() -> None:
    model = make()
    pairs = [
        (hard, soft)
        for layer in ("layer3", "layer4")
        for hard, soft in zip(
            getattr(model.hard, layer).state_dict().values(),
            getattr(model.soft, layer).state_dict().values(),
            strict=True,
        )
    ]
    assert len(pairs) > 20
    assert all(torch.equal(hard, soft) for hard, soft in pairs)
    assert {hard.data_ptr() for hard, _ in pairs}.isdisjoint(soft.data_ptr() for _, soft in pairs)


def test_each_head_of_one_branch_trains_only_that_branch() -> None:
    """Without fusion, which mixes them."""
    model = make(fusion=False)
    for name, trained, untouched in (
        ("hard_part_0", model.hard, model.soft),
        ("attn_feature3", model.soft, model.hard),
    ):
        before = [parameter.clone() for parameter in untouched.layer3.parameters()]
        start = [parameter.clone() for parameter in trained.layer3.parameters()]
        optimiser = torch.optim.SGD(model.parameters(), lr=1.0)
        model(images(4)).features[name].square().sum().backward()
        assert all(parameter.grad is None for parameter in untouched.parameters())
        optimiser.step()
        model.zero_grad()
        assert all(torch.equal(a, b) for a, b in zip(before, untouched.layer3.parameters(), strict=True))
        assert not all(torch.equal(a, b) for a, b in zip(start, trained.layer3.parameters(), strict=True))


def test_the_bias_of_every_neck_is_frozen_at_zero() -> None:
    model = make()
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    assert frozen == [f"heads.{name}.neck.bias" for name in model.heads]
    optimiser = torch.optim.Adam([parameter for parameter in model.parameters() if parameter.requires_grad], lr=0.1)
    sum(mdpr_losses(model(images(4)), torch.tensor([0, 0, 1, 1])).values(), torch.zeros(())).backward()
    optimiser.step()
    assert all(not model.get_parameter(name).any() for name in frozen)


def test_evaluation_computes_nothing_that_only_training_needs() -> None:
    model = settled()

    def fail(module: nn.Module, inputs: object) -> None:
        raise AssertionError(f"{type(module).__name__} was computed")

    soft = model.soft
    surplus = [soft.logits4, soft.logits3, soft.guide, soft.pool4, soft.pool3, model.predictors["hard_global"]]
    surplus += [model.predictors["attn_feature4"], model.heads["attn_bap4"], model.heads["attn_bap3"]]
    for module in surplus:
        assert module is not None
        module.register_forward_pre_hook(fail)
    with torch.no_grad():
        assert model(images(2)).shape == (2, 72)
    with pytest.raises(AssertionError, match="was computed"):  # the hooks do work
        model.train()(images(2))


def test_class_weights_do_not_change_the_embedding() -> None:
    model, bare = settled(), make(num_classes=None).eval()
    state = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith(".classifier")}
    bare.load_state_dict(state)
    with torch.no_grad():
        assert torch.equal(model(images(2)), bare(images(2)))


def test_autocast_gives_features_and_cosines_in_full_precision() -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        outputs = make()(images(2))
    for tensors in (outputs.features, outputs.cosines, outputs.attended, outputs.attentions):
        assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_training_without_class_weights() -> None:
    with pytest.raises(ConfigError, match="built without class weights; give build_model num_classes"):
        make(num_classes=None)(images(2))


def test_training_with_one_crop() -> None:
    with pytest.raises(FormatError, match=r"needs 2 crops or more .* got 1"):
        make()(images(1))


@pytest.mark.parametrize("num_classes", [0, 1])
def test_too_few_identities(num_classes: int) -> None:
    with pytest.raises(ConfigError, match=f"{num_classes} identities cannot be told apart"):
        make(num_classes=num_classes)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format], ids=str)
def test_ibn_keeps_the_layout(layout: torch.memory_format) -> None:
    """InstanceNorm alone would lose channels-last, and everything up to the next convolution would be slower."""
    norm = InstanceBatchNorm(8)
    with torch.no_grad():
        norm.IN.weight.uniform_(0.5, 1.5)
        norm.IN.bias.uniform_(-1, 1)
    x = torch.randn(3, 8, 6, 4)
    mean, variance = x[:, :4].mean((2, 3), keepdim=True), x[:, :4].var((2, 3), correction=0, keepdim=True)
    first = (x[:, :4] - mean) / (variance + 1e-5).sqrt()
    first = first * norm.IN.weight[:, None, None] + norm.IN.bias[:, None, None]
    found = norm(x.to(memory_format=layout))
    assert found.is_contiguous(memory_format=layout)
    torch.testing.assert_close(found[:, :4], first, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found[:, 4:], InstanceBatchNorm(8).BN(x[:, 4:]), atol=1e-5, rtol=1e-5)
