"""Ranks by counting: a hand-worked example, and the same as sorting, whatever ties, junk and cameras there are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.data import JUNK_PID, UNKNOWN, ReidImages
from mdpr.reid.evaluation.ranking import Ranking, rank
from mdpr.reid.evaluation.similarity import similarity_blocks, top_k, unit_rows
from mdpr.reid.evaluation.truth import Exclusion, GroundTruth, Labels, labels_of, without_junk


def labels(pids: list[int], camids: list[int], images: list[int]) -> Labels:
    return Labels(np.array(pids, np.int64), np.array(camids, np.int64), np.array(images, np.int64))


def in_blocks(scores: NDArray[np.floating], size: int) -> Iterator[tuple[int, NDArray[np.floating]]]:
    for first in range(0, len(scores), size):
        yield first, scores[first : first + size].copy()


def test_hand_worked_example() -> None:
    """Person 7 in camera 1 asks. The gallery, best score first, with what each item is:

    0.9  person 7, camera 1   same camera: left out
    0.8  person 7, camera 2   right
    0.8  person 5, camera 2   wrong, ties with the right one and so stands before it
    0.7  person 0, camera 3   a distractor: wrong
    0.6  person 7, camera 3   right
    0.6  person 7, camera 2   right, ties with the one above: between right ones it does not matter
    0.5  person 5, camera 1   wrong, after the last right one

    Ranks of the right answers: 2, 4, 5. AP = (1/2 + 2/4 + 3/5) / 3 = 8/15. INP = 3/5. First rank 2.
    The second query, person 9, is in the gallery only in its own camera: no right answer, so it does not count.
    """
    query = labels([7, 9], [1, 1], [100, 101])
    gallery = labels([7, 7, 5, 0, 7, 7, 5, 9], [1, 2, 2, 3, 3, 2, 1, 1], list(range(8)))
    row = [0.9, 0.8, 0.8, 0.7, 0.6, 0.6, 0.5, 0.1]
    result = rank(in_blocks(np.array([row, row]), 1), GroundTruth(query, gallery))
    assert result.positives.tolist() == [3, 0]
    assert result.first_rank.tolist() == [2, 0]
    assert result.is_valid.tolist() == [True, False]
    assert result.mean_average_precision == pytest.approx(8 / 15)
    assert result.mean_inverse_negative_penalty == pytest.approx(3 / 5)
    assert [result.cmc(k) for k in (1, 2, 5)] == [0, 1, 1]


def admissible(query: Labels, q: int, gallery: Labels, g: int, rule: str) -> bool:
    """The rules, said for one pair."""
    if query.images[q] == gallery.images[g]:
        return False
    same_camera = query.camids[q] == gallery.camids[g] != UNKNOWN
    return rule == "image" or not (query.pids[q] == gallery.pids[g] and same_camera)


def brute_force(scores: NDArray[np.floating], query: Labels, gallery: Labels, rule: str) -> Ranking:
    """Sort the admissible items of each query, wrong ones first among ties, and walk down the list."""
    count = len(query)
    first, ap, inp = np.zeros(count, np.int64), np.full(count, np.nan), np.full(count, np.nan)
    positives = np.zeros(count, np.int64)
    for q in range(count):
        items = [g for g in range(len(gallery)) if admissible(query, q, gallery, g, rule)]
        is_right = {g: bool(query.pids[q] == gallery.pids[g] > 0) for g in items}
        items.sort(key=lambda g: (-scores[q, g], is_right[g]))
        found, precisions, last = 0, [], 0
        for place, g in enumerate(items, start=1):
            if is_right[g]:
                found += 1
                precisions.append(found / place)
                first[q] = first[q] or place
                last = place
        positives[q] = found
        if found:
            ap[q], inp[q] = sum(precisions) / found, found / last
    return Ranking(first, ap, inp, positives)


@st.composite
def problems(draw: st.DrawFn) -> tuple[NDArray[np.float32], Labels, Labels, str, int]:
    """Few scores, people, cameras and pictures, so that everything coincides with everything."""
    queries, items = draw(st.integers(1, 6)), draw(st.integers(1, 14))
    rule = draw(st.sampled_from(["auto", "image"]))
    cameras = draw(st.sampled_from([st.integers(1, 3), st.just(UNKNOWN), st.sampled_from([UNKNOWN, 1, 2])]))

    def some(count: int, lowest: int, first_image: int) -> Labels:
        pids = draw(st.lists(st.integers(lowest, 3), min_size=count, max_size=count))
        images = draw(st.lists(st.integers(first_image, first_image + 12), min_size=count, max_size=count))
        return labels(pids, draw(st.lists(cameras, min_size=count, max_size=count)), images)

    scores = draw(st.lists(st.integers(-2, 2), min_size=queries * items, max_size=queries * items))
    return (
        np.array(scores, np.float32).reshape(queries, items),
        some(queries, 0, 0),
        some(items, 0, 6),
        rule,
        draw(st.integers(1, 4)),
    )


@settings(max_examples=200, deadline=None)
@given(problems())
def test_counting_equals_sorting(problem: tuple[NDArray[np.float32], Labels, Labels, str, int]) -> None:
    scores, query, gallery, rule, size = problem
    result = rank(in_blocks(scores, size), GroundTruth(query, gallery, rule))
    expected = brute_force(scores, query, gallery, rule)
    for name in ("first_rank", "positives", "average_precision", "inverse_negative_penalty"):
        np.testing.assert_allclose(getattr(result, name), getattr(expected, name), rtol=1e-12, err_msg=name)


@settings(max_examples=50, deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_order_of_the_gallery_does_not_matter(
    problem: tuple[NDArray[np.float32], Labels, Labels, str, int], random: np.random.Generator
) -> None:
    scores, query, gallery, rule, size = problem
    order = list(range(len(gallery)))
    random.shuffle(order)
    shuffled = Labels(gallery.pids[order], gallery.camids[order], gallery.images[order])
    one = rank(in_blocks(scores, size), GroundTruth(query, gallery, rule))
    two = rank(in_blocks(scores[:, order], size), GroundTruth(query, shuffled, rule))
    np.testing.assert_array_equal(one.average_precision, two.average_precision)


def test_many_right_answers_are_counted_in_groups() -> None:
    """More thresholds than fit into the scratch memory at once."""
    count = 3000
    scores = np.random.default_rng(0).integers(0, 500, (2, count)).astype(np.float32)
    query = labels([1, 2], [1, 1], [-1, -2])
    gallery = labels((np.arange(count) % 2 + 1).tolist(), [2] * count, list(range(count)))
    result = rank(in_blocks(scores, 2), GroundTruth(query, gallery))
    expected = brute_force(scores, query, gallery, "auto")
    np.testing.assert_allclose(result.average_precision, expected.average_precision, rtol=1e-12)


def test_a_model_that_gives_everything_one_score_earns_nothing() -> None:
    query, gallery = labels([1], [1], [-1]), labels([1] + [2] * 99, [2] * 100, list(range(100)))
    result = rank(
        similarity_blocks(*[unit_rows(np.ones((n, 4), np.float32)) for n in (1, 100)]), GroundTruth(query, gallery)
    )
    assert result.first_rank.tolist() == [100]


def test_features_are_ranked_by_cosine() -> None:
    noise = np.random.default_rng(1)
    query_features, features = (
        noise.normal(size=(7, 5)).astype(np.float32),
        noise.normal(size=(90, 5)).astype(np.float32),
    )
    query = labels(noise.integers(1, 6, 7).tolist(), [1] * 7, list(range(7)))
    gallery = labels(noise.integers(0, 6, 90).tolist(), [2] * 90, list(range(7, 97)))
    blocks = similarity_blocks(unit_rows(query_features * 9), unit_rows(features * 0.1), block_bytes=1)
    result = rank(blocks, GroundTruth(query, gallery))
    length = np.linalg.norm(query_features, axis=1)[:, None] * np.linalg.norm(features, axis=1)
    expected = brute_force(query_features @ features.T / length, query, gallery, "auto")
    np.testing.assert_allclose(result.average_precision, expected.average_precision, rtol=1e-12)


def test_rule_follows_what_is_known_of_the_cameras() -> None:
    known, unknown = labels([1], [3], [0]), labels([1], [UNKNOWN], [1])
    assert GroundTruth(known, known).exclusion is Exclusion.CAMERA
    assert GroundTruth(unknown, unknown).exclusion is Exclusion.IMAGE
    assert GroundTruth(known, unknown).exclusion is Exclusion.MIXED
    assert GroundTruth(known, known, "image").exclusion is Exclusion.IMAGE
    with pytest.raises(ConfigError, match="1 of the images have no camera"):
        GroundTruth(known, unknown, "camera")
    with pytest.raises(ConfigError, match="expected auto, camera or image"):
        GroundTruth(known, known, "sequence")


def test_one_picture_in_both_splits_is_one_image() -> None:
    boxes = np.array([[0, 0, 5, 9], [5, 0, 9, 9]], np.float32)
    query = ReidImages.of(["a.jpg", "b.jpg"], [1, 2], boxes=boxes)
    gallery = ReidImages.of(["./b.jpg", "a.jpg", "a.jpg"], [2, 1, 1], boxes=boxes[[1, 0, 1]])
    one, two = labels_of(query, gallery)
    assert (one.images[:, None] == two.images).tolist() == [[False, True, False], [True, False, False]]


def test_junk_is_taken_out_and_distractors_stay() -> None:
    kept = without_junk(ReidImages.of(["a", "b", "c"], [1, JUNK_PID, 0]))
    assert kept.paths == ("a", "c")


def test_averages_need_a_query_with_a_right_answer() -> None:
    result = rank([(0, np.array([[0.5]]))], GroundTruth(labels([1], [1], [0]), labels([2], [2], [1])))
    with pytest.raises(FormatError, match="none of the 1 queries"):
        result.cmc(1)


def test_wrong_input_is_named() -> None:
    one = labels([1], [1], [0])
    gallery = labels([1, JUNK_PID], [2, 2], [1, 2])
    with pytest.raises(FormatError, match="junk"):
        GroundTruth(one, gallery)
    truth = GroundTruth(one, labels([1], [2], [1]))
    with pytest.raises(FormatError, match=r"expected \(B, 1\)"):
        rank([(0, np.zeros((1, 2)))], truth)
    with pytest.raises(FormatError, match="query 0 is in no block"):
        rank([], truth)
    with pytest.raises(FormatError, match="NaN for query 0"):
        rank([(0, np.array([[np.nan]]))], truth)
    with pytest.raises(FormatError, match="row 1 has a value that is not finite"):
        unit_rows(np.array([[1], [np.inf]], np.float32))
    with pytest.raises(FormatError, match="not one model"):
        next(similarity_blocks(np.ones((1, 2), np.float32), np.ones((1, 3), np.float32)))


def test_top_k_is_a_sort_cut_off() -> None:
    scores = np.random.default_rng(2).permutation(60).reshape(4, 15).astype(np.float32)
    for k in (1, 4, 15, 99):
        np.testing.assert_array_equal(top_k(scores, k), np.argsort(-scores, axis=1)[:, :k])
