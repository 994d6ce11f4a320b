"""Rates and thresholds from the histogram are those of the sorted scores, to its resolution."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.errors import ConfigError
from mdpr.reid.evaluation.expansion import expand_queries
from mdpr.reid.evaluation.ranking import rank
from mdpr.reid.evaluation.similarity import similarity_blocks, unit_rows
from mdpr.reid.evaluation.truth import GroundTruth, Labels
from mdpr.reid.evaluation.verification import BINS_A_UNIT, PairHistogram

STEP = 2 / BINS_A_UNIT


def people(queries: int = 60, items: int = 700, ids: int = 20, spread: float = 1.0) -> tuple[np.ndarray, ...]:
    noise = np.random.default_rng(0)
    centres = noise.normal(size=(ids + 1, 24))
    pids = noise.integers(1, ids + 1, queries + items)
    features = unit_rows((centres[pids] + spread * noise.normal(size=(queries + items, 24))).astype(np.float32))
    return features[:queries], features[queries:], pids, noise.integers(1, 4, queries + items)


def test_equals_sorted_scores() -> None:
    query, gallery, pids, camids = people()
    one = Labels(pids[:60], camids[:60], np.arange(60))
    two = Labels(pids[60:], camids[60:], np.arange(60, 760))
    truth = GroundTruth(one, two)
    pairs = PairHistogram(truth)
    rank(similarity_blocks(query, gallery, block_bytes=1), truth, [pairs])
    result = pairs.result()

    similarity = query @ gallery.T
    is_same = one.pids[:, None] == two.pids
    is_same_camera = one.camids[:, None] == two.camids
    right = np.sort(similarity[is_same & ~is_same_camera])
    wrong = np.sort(similarity[~is_same])[::-1]
    assert (result.positives, result.negatives) == (len(right), len(wrong))
    for point in result.points:
        allowed = int(point.false_positive_rate * len(wrong))
        assert point.distance is not None
        limit = 1 - point.distance
        assert np.sum(wrong >= limit + 1e-6) <= allowed
        assert np.sum(wrong >= limit - STEP) >= allowed - 1  # a smaller one would let too many through
        assert np.mean(right >= limit + STEP) <= point.true_positive_rate <= np.mean(right >= limit - STEP)
    assert result.threshold == result.points[1].distance
    same_camera = np.sort(1 - similarity[is_same & is_same_camera])
    assert result.match_distance == pytest.approx(np.quantile(same_camera, 0.95, method="higher"), abs=STEP)
    assert result.sure_distance == result.points[2].distance
    assert result.match_pairs == "one person in one camera"


def test_too_few_pairs_measure_nothing() -> None:
    one, two = Labels(*[np.array([1])] * 3), Labels(np.array([1, 2, 3]), np.array([2, 2, 2]), np.array([2, 3, 4]))
    truth = GroundTruth(one, two)
    pairs = PairHistogram(truth)
    rank([(0, np.array([[0.5, 0.25, 0.125]]))], truth, [pairs])
    result = pairs.result()
    assert all(point.true_positive_rate is None for point in result.points)
    assert result.threshold is None
    assert result.sure_distance is None
    assert result.match_distance == pytest.approx(0.5)
    assert result.match_pairs == "one person, as ranked"


@pytest.mark.parametrize("alpha", [0.0, 1.0, 3.0])
def test_expansion_equals_a_loop(alpha: float) -> None:
    query, gallery, _, _ = people(40, 60)
    expanded = expand_queries(query, gallery, 4, alpha, block_bytes=1)
    for row in range(40):  # more than a block
        similarity = query[row] @ gallery.T
        mean = query[row].astype(np.float64)
        for item in np.argsort(-similarity)[:4]:
            mean = mean + max(float(similarity[item]), 0) ** alpha * gallery[item]
        np.testing.assert_allclose(expanded[row], mean / np.linalg.norm(mean), atol=1e-5)


def test_expansion_helps_noisy_queries_and_0_changes_nothing() -> None:
    query, gallery, pids, camids = people(spread=1.3)
    truth = GroundTruth(
        Labels(pids[:60], camids[:60], np.arange(60)), Labels(pids[60:], camids[60:], np.arange(60, 760)), "image"
    )
    plain = rank(similarity_blocks(query, gallery), truth).mean_average_precision
    expanded = rank(similarity_blocks(expand_queries(query, gallery, 5), gallery), truth).mean_average_precision
    assert expanded > plain + 0.02
    np.testing.assert_array_equal(expand_queries(query, gallery, 0), query)
    with pytest.raises(ConfigError, match="0 or more"):
        expand_queries(query, gallery, -1)
