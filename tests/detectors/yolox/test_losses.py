"""The loss against a restatement, and what is not asked in ignored boxes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from mdpr.detectors.yolo_outputs import decode_yolox
from mdpr.detectors.yolox.assign import Assignment, assign, paired_iou
from mdpr.detectors.yolox.losses import (
    anchor_grid,
    decode_boxes,
    detection_losses,
    encode_boxes,
    is_unclear,
)

SIZE = (64, 96)
ANCHORS = 8 * 12 + 4 * 6 + 2 * 3
CPU = torch.device("cpu")
PEOPLE = [torch.tensor([[10.0, 5, 30, 60], [50, 20, 70, 60]]), torch.zeros(0, 4)]
NOBODY = [torch.zeros(0, 4), torch.zeros(0, 4)]


def assigned(boxes: Tensor, logits: Tensor, truth: Tensor) -> Assignment:
    """Of a batch of one picture."""
    return assign(boxes[None], logits[None], truth, torch.zeros(len(truth), dtype=torch.int64), SIZE)


def random_outputs(seed: int = 0) -> Tensor:
    """Noise around upright boxes, of which some overlap the people: several anchors are in charge."""
    around = torch.tensor([0.5, 0.5, math.log(2.0), math.log(4.0), 0.0, 0.0])
    return around + torch.randn((2, ANCHORS, 6), generator=torch.Generator().manual_seed(seed)) / 2


def bce(logit: float, target: float) -> float:
    score = 1 / (1 + math.exp(-logit))
    return -(target * math.log(score) + (1 - target) * math.log(1 - score))


def test_boxes_are_decoded_as_in_inference() -> None:
    outputs = random_outputs()[0]
    scores = torch.cat([outputs[:, :4], torch.ones(ANCHORS, 2)], dim=1)
    expected = decode_yolox(scores.numpy(), *SIZE, 0.0, None).xyxy
    boxes = decode_boxes(outputs[:, :4], anchor_grid(*SIZE, CPU))
    np.testing.assert_allclose(boxes.numpy(), expected, rtol=1e-5, atol=1e-4)


def test_encoding_is_decoding_backwards() -> None:
    anchors = anchor_grid(*SIZE, CPU)
    outputs = random_outputs()[0, :, :4]
    boxes = decode_boxes(outputs, anchors)
    torch.testing.assert_close(encode_boxes(boxes, anchors.cells, anchors.strides), outputs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("with_l1", [False, True])
def test_loss_equals_restatement(with_l1: bool) -> None:
    outputs = random_outputs()
    anchors = anchor_grid(*SIZE, CPU)
    boxes = decode_boxes(outputs[..., :4], anchors)
    got = detection_losses(outputs, PEOPLE, NOBODY, SIZE, with_l1)
    sums = {"iou": 0.0, "objectness": 0.0, "class": 0.0, "l1": 0.0}
    count = 0
    for number in range(2):
        found = assigned(boxes[number], outputs[number, :, 4:], PEOPLE[number])
        in_charge = dict(zip(found.anchors.tolist(), found.targets.tolist(), strict=True))
        count += len(in_charge)
        for place in range(ANCHORS):
            row = outputs[number, place].tolist()
            sums["objectness"] += bce(row[4], 1.0 if place in in_charge else 0.0)
            if place not in in_charge:
                continue
            target = PEOPLE[number][in_charge[place]]
            overlap = float(paired_iou(boxes[number, place][None], target[None]))
            sums["iou"] += 5 * (1 - overlap**2)
            sums["class"] += bce(row[5], overlap)
            x1, y1, x2, y2 = target.tolist()
            (column, line), stride = anchors.cells[place].tolist(), float(anchors.strides[place])
            wanted = [(x1 + x2) / 2 / stride - column, (y1 + y2) / 2 / stride - line,
                      math.log((x2 - x1) / stride), math.log((y2 - y1) / stride)]  # fmt: skip
            sums["l1"] += sum(abs(a - b) for a, b in zip(row[:4], wanted, strict=True))
    assert count > 4
    assert set(got) == {"iou", "objectness", "class"} | ({"l1"} if with_l1 else set())
    for name, value in got.items():
        assert float(value) == pytest.approx(sums[name] / count, rel=1e-4), name


def test_pictures_without_people_only_ask_for_silence() -> None:
    outputs = random_outputs().requires_grad_()
    got = detection_losses(outputs, NOBODY, NOBODY, SIZE, True)
    assert [float(got[name].detach()) for name in ("iou", "class", "l1")] == [0, 0, 0]
    torch.stack(list(got.values())).sum().backward()
    assert outputs.grad is not None
    assert (outputs.grad[..., 4] > 0).all()
    assert (outputs.grad[..., [0, 1, 2, 3, 5]] == 0).all()


def test_nothing_is_asked_in_ignored_boxes() -> None:
    outputs = random_outputs()
    outputs[..., 2:4] = -1.0  # small boxes: none reaches half into the ignored one from outside
    outputs[..., :2] = 0.5
    outputs.requires_grad_()
    region = torch.tensor([[48.0, 0, 96, 64]])
    got = detection_losses(outputs, NOBODY, [region, torch.zeros(0, 4)], SIZE, False)
    got["objectness"].backward()
    assert outputs.grad is not None
    asked = outputs.grad[..., 4] != 0
    anchors = anchor_grid(*SIZE, CPU)
    assert asked[0].tolist() == (anchors.points[:, 0] < 48).tolist()
    assert asked[1].all()


def test_an_anchor_in_charge_is_asked_even_in_an_ignored_box() -> None:
    outputs = random_outputs().requires_grad_()
    everything = torch.tensor([[0.0, 0, 96, 64]])
    got = detection_losses(outputs, PEOPLE, [everything, everything], SIZE, False)
    got["objectness"].backward()
    assert outputs.grad is not None
    asked = outputs.grad[..., 4]
    anchors = anchor_grid(*SIZE, CPU)
    boxes = decode_boxes(outputs[0, :, :4].detach(), anchors)
    found = assigned(boxes, outputs[0, :, 4:].detach(), PEOPLE[0])
    assert sorted(asked[0].nonzero()[:, 0].tolist()) == found.anchors.tolist()
    assert (asked[0, found.anchors] < 0).all()
    assert (asked[1] == 0).all()


def test_boxes_found_within_a_crowd_are_not_wrong() -> None:
    ignored = torch.tensor([[0.0, 0, 20, 20]])
    boxes = torch.tensor([[0.0, 0, 20, 39], [0, 0, 20, 41], [18, 18, 50, 50], [-4, 0, 8, 10]])
    points = torch.tensor([[50.0, 50], [50, 50], [19, 19], [50, 50]])
    found = is_unclear(boxes.expand(3, 4, 4), ignored, torch.tensor([1]), points)
    assert found.tolist() == [[False] * 4, [True, False, True, True], [False] * 4]


def test_following_the_gradient_finds_the_people() -> None:
    """Free outputs, no network: the loss alone leads to confident boxes on the people and silence elsewhere."""
    outputs = random_outputs().requires_grad_()
    optimiser = torch.optim.Adam([outputs], lr=0.1)
    for step in range(250):
        losses = detection_losses(outputs, PEOPLE, NOBODY, SIZE, step > 200)
        optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimiser.step()
    rows = torch.cat([outputs[..., :4], outputs[..., 4:].sigmoid()], dim=-1).detach().numpy()
    found = decode_yolox(rows[0], *SIZE, 0.5, None)
    assert len(found.confidence) >= 2
    for box in PEOPLE[0]:
        assert float(paired_iou(torch.from_numpy(found.xyxy), box.expand(len(found.xyxy), 4)).max()) > 0.9
    for box in found.xyxy:
        assert float(paired_iou(torch.from_numpy(box).expand(2, 4), PEOPLE[0]).max()) > 0.8
    assert len(decode_yolox(rows[1], *SIZE, 0.1, None).confidence) == 0


def test_huge_boxes_stay_finite() -> None:
    outputs = random_outputs()
    outputs[..., 2:4] = 300.0
    got = detection_losses(outputs.requires_grad_(), PEOPLE, NOBODY, SIZE, True)
    torch.stack(list(got.values())).sum().backward()
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()
