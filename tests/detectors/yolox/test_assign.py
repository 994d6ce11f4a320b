"""SimOTA against loops that restate it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mdpr.detectors.yolox.assign import Assignment, assign, paired_intersection, paired_iou
from mdpr.detectors.yolox.losses import anchor_grid

SIZE = (96, 128)
CPU = torch.device("cpu")


def assign_one(boxes: Tensor, logits: Tensor, truth: Tensor) -> Assignment:
    """Of a batch of one picture."""
    return assign(boxes[None], logits[None], truth, torch.zeros(len(truth), dtype=torch.int64), SIZE)


def iou(a: list[float], b: list[float]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union else 0.0


def naive_assign(boxes: Tensor, logits: Tensor, truth: Tensor) -> dict[int, tuple[int, float]]:
    """Anchor to (row of the truth, IoU)."""
    anchors = anchor_grid(*SIZE, CPU)
    wants: dict[int, list[tuple[float, int, float]]] = {}
    for row, box in enumerate(truth.tolist()):
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        candidates = []
        for place, (point, stride) in enumerate(zip(anchors.points.tolist(), anchors.strides.tolist(), strict=True)):
            if max(abs(point[0] - middle[0]), abs(point[1] - middle[1])) < 1.5 * stride:
                overlap = iou(box, boxes[place].tolist())
                scores = [1 / (1 + math.exp(-value)) for value in logits[place].tolist()]
                cost = -math.log(math.sqrt(scores[0] * scores[1])) - 3 * math.log(overlap + 1e-8)
                candidates.append((cost, place, overlap))
        count = max(int(sum(sorted((entry[2] for entry in candidates), reverse=True)[:10])), 1)
        for cost, place, overlap in sorted(candidates)[:count]:
            wants.setdefault(place, []).append((cost, row, overlap))
    return {place: min(entries)[1:] for place, entries in wants.items()}


def random_scene(seed: int, people: int, is_trained: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Predicted boxes, logits and truth; the boxes of a trained network are near the truth."""
    random = torch.Generator().manual_seed(seed)
    anchors = anchor_grid(*SIZE, CPU)
    side = torch.rand((people, 2), generator=random) * torch.tensor([30.0, 60]) + 4
    middle = torch.rand((people, 2), generator=random) * torch.tensor([SIZE[1], SIZE[0]])
    truth = torch.cat([middle - side / 2, middle + side / 2], dim=1)
    if is_trained and people:
        nearest = (anchors.points[:, None] - middle[None]).abs().sum(dim=2).argmin(dim=1)
        boxes = truth[nearest] + torch.randn((len(anchors.points), 4), generator=random)
        boxes[:, 2:] = torch.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    else:
        half = torch.rand((len(anchors.points), 2), generator=random) * 20 + 2
        boxes = torch.cat([anchors.points - half, anchors.points + half], dim=1)
    return boxes, torch.randn((len(boxes), 2), generator=random), truth


@pytest.mark.parametrize("is_trained", [False, True])
@pytest.mark.parametrize("people", [1, 2, 7, 25])
@pytest.mark.parametrize("seed", range(4))
def test_assignment_equals_restatement(seed: int, people: int, is_trained: bool) -> None:
    boxes, logits, truth = random_scene(seed, people, is_trained)
    found = assign_one(boxes, logits, truth)
    expected = naive_assign(boxes, logits, truth)
    assert found.anchors.tolist() == sorted(expected)
    assert found.targets.tolist() == [expected[place][0] for place in sorted(expected)]
    torch.testing.assert_close(found.iou, torch.tensor([expected[place][1] for place in sorted(expected)]))


def test_well_found_people_get_more_anchors() -> None:
    """Ten anchors that agree with the box: as many are in charge; none agrees: one is."""
    anchors = anchor_grid(*SIZE, CPU)
    truth = torch.tensor([[40.0, 20, 72, 84]])
    logits = torch.zeros(len(anchors.points), 2)
    everywhere = truth.expand(len(anchors.points), 4)
    assert len(assign_one(everywhere, logits, truth).anchors) == 10
    nowhere = torch.tensor([[0.0, 0, 1, 1]]).expand(len(anchors.points), 4)
    assert len(assign_one(nowhere, logits, truth).anchors) == 1


def test_the_better_score_wins() -> None:
    anchors = anchor_grid(*SIZE, CPU)
    truth = torch.tensor([[40.0, 20, 72, 84]])
    nowhere = torch.tensor([[0.0, 0, 1, 1]]).expand(len(anchors.points), 4)
    logits = torch.zeros(len(anchors.points), 2)
    near = ((anchors.points - torch.tensor([56.0, 52])).abs().amax(dim=1) < 8).nonzero()[:, 0]
    logits[near[1]] = 3.0
    found = assign_one(nowhere, logits, truth)
    assert found.anchors.tolist() == [int(near[1])]


def test_nobody_and_nothing_near() -> None:
    boxes, logits, _ = random_scene(0, 1, False)
    for truth in (torch.zeros(0, 4), torch.tensor([[900.0, 900, 950, 990]])):
        found = assign_one(boxes, logits, truth)
        assert (len(found.anchors), len(found.targets), len(found.iou)) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_a_batch_is_its_pictures_one_by_one(seed: int) -> None:
    scenes = [random_scene(10 * seed + number, people, True) for number, people in enumerate((3, 0, 9, 1))]
    boxes, logits, truths = (torch.stack([s[0] for s in scenes]), torch.stack([s[1] for s in scenes]),
                             [s[2] for s in scenes])  # fmt: skip
    pictures = torch.tensor([number for number, truth in enumerate(truths) for _ in truth])
    found = assign(boxes, logits, torch.cat(truths), pictures, SIZE)
    anchors, targets, overlaps, before = [], [], [], 0
    for number, (one, scores, truth) in enumerate(scenes):
        alone = assign_one(one, scores, truth)
        anchors += (alone.anchors + number * boxes.shape[1]).tolist()
        targets += (alone.targets + before).tolist()
        overlaps += alone.iou.tolist()
        before += len(truth)
    assert found.anchors.tolist() == anchors
    assert found.targets.tolist() == targets
    assert found.iou.tolist() == overlaps


def test_two_people_in_the_same_place_are_told_apart_by_their_order() -> None:
    boxes, logits, truth = random_scene(5, 1, True)
    found = assign_one(boxes, logits, truth.repeat(2, 1))
    assert len(found.anchors) > 0
    assert set(found.targets.tolist()) == {0}


def test_iou_of_pairs() -> None:
    boxes, _, truth = random_scene(3, 6, True)
    expected = [[iou(a, b) for b in boxes[:20].tolist()] for a in truth.tolist()]
    torch.testing.assert_close(paired_iou(truth[:, None], boxes[:20]), torch.tensor(expected))
    torch.testing.assert_close(paired_iou(truth, boxes[:6]), torch.tensor(expected).diagonal())
    square = torch.tensor([[0.0, 0, 4, 4]])
    assert paired_intersection(square, torch.tensor([[2.0, 3, 9, 9], [4, 0, 5, 5]])).tolist() == [2.0, 0.0]
