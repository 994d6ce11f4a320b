"""HOTA, CLEAR MOT and IDF1: restated naively, worked by hand, and unmoved by what must not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes
from mdpr.pipeline.metrics.clear import clear, clear_matches
from mdpr.pipeline.metrics.comparison import Comparison
from mdpr.pipeline.metrics.evaluate import EvaluateConfig, combined_scores, evaluate_sequence
from mdpr.pipeline.metrics.hota import ALPHAS, hota
from mdpr.pipeline.metrics.identity import identity
from mdpr.pipeline.metrics.preprocessing import RULES, compare
from mdpr.pipeline.metrics.returns import ReturnConfig

BOX = (0.0, 0.0, 10.0, 10.0)
FAR = (100.0, 0.0, 10.0, 10.0)


def compared(truth: TrackBoxes, predicted: TrackBoxes, frames: int = 20) -> Comparison:
    return compare(truth, predicted, frames, RULES["mot15"])


def track(track_id: int, frames: range | list[int], box: tuple[float, ...] = BOX) -> TrackBoxes:
    return TrackBoxes.of(list(frames), track_id, [box] * len(frames))


def joined(*parts: TrackBoxes) -> TrackBoxes:
    return TrackBoxes.of(*(np.concatenate([getattr(one, name) for one in parts])
                           for name in ("frame", "track_id", "ltwh")))  # fmt: skip


def walkers(seed: int, frames: int = 30, people: int = 6) -> TrackBoxes:
    rng = np.random.default_rng(seed)
    frame, person = np.divmod(np.arange(frames * people), people)
    start, step = rng.uniform(0, 60, (people, 2)), rng.normal(0, 2, (people, 2))
    centre = start[person] + step[person] * frame[:, None]
    shown = rng.random(len(frame)) < 0.9
    ltwh = np.concatenate([centre, np.full((len(frame), 2), 20.0)], axis=1)
    return TrackBoxes.of(frame[shown], person[shown] + 1, ltwh[shown])


def all_values(truth: TrackBoxes, predicted: TrackBoxes, frames: int = 30) -> dict[str, float]:
    values = evaluate_sequence(Recording("s", truth, "gt", frames, 10.0), predicted, "p").scores.values()
    return {name: value for name, value in values.items() if name != "returns"}


def test_one_switch_by_hand() -> None:
    """A person of 10 frames, found all the time, with another identity from frame 6 on."""
    found = compared(track(1, range(10)), joined(track(5, range(6)), track(6, range(6, 10))))
    scores = hota(found)
    assert scores.det_a == pytest.approx(np.ones(19))
    # 6 matches with 6 / (10 + 6 - 6), 4 with 4 / (10 + 4 - 4)
    assert scores.ass_a == pytest.approx(np.full(19, (6 * 0.6 + 4 * 0.4) / 10))
    assert scores.values()["HOTA"] == pytest.approx(np.sqrt(0.52))
    counts = clear(found, clear_matches(found)).values()
    assert (counts["IDSW"], counts["Frag"], counts["MT"], counts["MOTA"]) == (1, 0, 1, 0.9)
    assert identity(found).values() == {"IDF1": 0.6, "IDP": 0.6, "IDR": 0.6}


def test_a_gap_is_a_fragmentation_and_no_switch() -> None:
    truth = joined(track(1, range(10)), track(2, range(10), FAR))
    found = compared(truth, joined(track(5, [0, 1, 5, 6]), track(6, range(10), FAR)))
    counts = clear(found, clear_matches(found)).values()
    assert (counts["IDSW"], counts["Frag"], counts["FN"]) == (0, 1, 6)
    assert (counts["MT"], counts["PT"], counts["ML"]) == (1, 1, 0)


def test_a_match_is_kept_while_it_overlaps_enough() -> None:
    """A better box does not take over from the one of the frame before."""
    truth = track(1, range(3))
    staying = track(5, range(3), (2.0, 0.0, 10.0, 10.0))  # IoU 2/3
    better = track(6, [1, 2], BOX)
    found = compared(truth, joined(staying, better))
    counts = clear(found, clear_matches(found)).values()
    assert (counts["IDSW"], counts["FP"]) == (0, 2)
    assert counts["MOTP"] == pytest.approx(2 / 3)


def test_overlap_at_a_threshold_counts() -> None:
    found = compared(track(1, [0]), track(1, [0], (0.0, 0.0, 10.0, 20.0)))  # IoU exactly 0.5
    assert hota(found).tp.tolist() == [1.0] * 10 + [0.0] * 9
    assert identity(found).tp == 1
    assert clear(found, clear_matches(found)).tp == 1
    assert identity(found, 0.51).tp == 0


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_identity_is_the_best_of_all_assignments(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = (
        TrackBoxes.of(np.repeat(np.arange(6), 4), np.tile(np.arange(4), 6), rng.integers(1, 4, (24, 4)))
        for _ in range(2)
    )
    found = compared(truth, predicted, 6)
    right = np.zeros((4, 4))
    for i, j, iou in zip(found.first, found.second, found.iou, strict=True):
        right[found.truth_id[i], found.predicted_id[j]] += iou >= 0.5
    best = max(sum(right[i, j] for i, j in enumerate(order)) for order in permutations(range(4)))
    assert identity(found).tp == best


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_hota_restated(seed: int) -> None:
    """Association of each match from counting frames one by one, where matches are forced (one box a person)."""
    rng = np.random.default_rng(seed)
    places = np.arange(3)[None, :].repeat(8, axis=0) * 100.0
    ltwh = np.stack([places, np.zeros_like(places), np.full_like(places, 10), np.full_like(places, 10)], axis=2)
    frame, person = (one.ravel() for one in np.meshgrid(np.arange(8), np.arange(3), indexing="ij"))
    truth = TrackBoxes.of(frame, person, ltwh.reshape(-1, 4))
    seen = rng.random(len(frame)) < 0.8
    named = np.array([rng.permutation(4)[:3] for _ in range(8)]).ravel()
    predicted = TrackBoxes.of(frame[seen], named[seen], ltwh.reshape(-1, 4)[seen])
    total = 0.0
    for c in np.flatnonzero(seen):
        same_truth, same_name = person == person[c], named == named[c]
        tpa = np.sum(same_truth & same_name & seen)
        total += tpa / (np.sum(same_truth) + np.sum(same_name & seen) - tpa)
    scores = hota(compared(truth, predicted, 8))
    if seen.any():
        assert scores.ass_a == pytest.approx(np.full(19, total / seen.sum()))
    assert scores.det_a == pytest.approx(np.full(19, seen.mean()))
    assert scores.hota == pytest.approx(np.sqrt(scores.det_a * scores.ass_a))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_must_not_matter(seed: int, imitate: Callable[..., TrackBoxes]) -> None:
    """Names of identities, order of lines, place and size of the picture."""
    rng = np.random.default_rng(seed)
    truth = walkers(seed)
    predicted = imitate(truth, seed)
    expected = all_values(truth, predicted)
    _, places = np.unique(predicted.track_id, return_inverse=True)
    renamed = predicted.with_ids(rng.permutation(places.max() + 1)[places])
    order = rng.permutation(len(predicted))
    shuffled = TrackBoxes.of(predicted.frame[order], predicted.track_id[order], predicted.ltwh[order])
    for one in (renamed, shuffled):
        assert all_values(truth, one) == pytest.approx(expected, abs=1e-9)
    for scale, shift in ((1.0, 64.0), (2.0, 0.0)):
        moved = [replace(one, ltwh=one.ltwh * scale + np.array([shift, shift, 0, 0])) for one in (truth, predicted)]
        assert all_values(*moved) == pytest.approx(expected, abs=1e-9)


def test_perfect_and_in_other_coordinates() -> None:
    """The same boxes score 1, also when one file counts pixels from 1 and the other from 0."""
    truth = walkers(3)
    from_one = replace(truth, ltwh=truth.ltwh + np.array([1, 1, 0, 0]), first_pixel=1)
    for predicted in (truth, from_one):
        values = all_values(truth, predicted)
        assert all(values[name] == pytest.approx(1) for name in ("HOTA", "IDF1", "MOTA", "MOTP", "LocA"))
        assert values["FP"] == values["FN"] == values["IDSW"] == 0


def test_more_mistakes_score_less(imitate: Callable[..., TrackBoxes]) -> None:
    truth = walkers(5, frames=60)
    shares = [all_values(truth, imitate(truth, 1, noise), 60) for noise in (0.01, 0.1, 0.3)]
    for name in ("HOTA", "IDF1", "MOTA", "DetA", "LocA"):
        assert shares[0][name] > shares[1][name] > shares[2][name]


def test_combination_of_equal_sequences_is_their_score(imitate: Callable[..., TrackBoxes]) -> None:
    truth = walkers(2)
    one = evaluate_sequence(Recording("s", truth, "gt", 30, 10.0), imitate(truth, 2), "p").scores
    together = combined_scores([one, one, one]).values()
    for name, value in one.values().items():
        if name in ("IDSW", "Frag", "FP", "FN", "MT", "PT", "ML"):
            assert together[name] == 3 * value
        elif name != "returns":
            assert together[name] == pytest.approx(value)


def test_thresholds() -> None:
    assert len(ALPHAS) == 19
    assert ALPHAS[[0, 18]] == pytest.approx([0.05, 0.95])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iou_threshold": 0.0}, "iou_threshold"),
        ({"iou_threshold": 1.5}, "iou_threshold"),
        ({"frames": 0}, "frames"),
        ({"fps": 0.0}, "fps"),
        ({"fps": float("nan")}, "fps"),
    ],
)
def test_options_are_checked(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EvaluateConfig(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"buckets_s": ()}, {"buckets_s": (3.0, 3.0)}, {"buckets_s": (0.0,)},
                                     {"min_visibility": 2.0}, {"min_stay_s": -1.0}])  # fmt: skip
def test_options_of_returns_are_checked(options: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(ConfigError):
        ReturnConfig(**options)  # type: ignore[arg-type]


def test_frames_beyond_the_end_are_named() -> None:
    truth, predicted = track(1, range(5)), track(1, [7])
    with pytest.raises(FormatError, match=r"p\.txt: has a box in frame 8 .*at most 5, as far as the truth.*--frames"):
        evaluate_sequence(Recording("s", truth, "gt.txt"), predicted, "p.txt")
    with pytest.raises(FormatError, match=r"gt\.txt: has a box in frame 5 .*at most 3"):
        evaluate_sequence(Recording("s", truth, "gt.txt", 3), predicted, "p.txt")
    longer = evaluate_sequence(Recording("s", truth, "gt.txt"), predicted, "p.txt", EvaluateConfig(frames=8))
    assert longer.scores.clear.fp == 1
