"""Re-ranking by sparse matrices gives what the definition gives, element by element."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.evaluation.neighbours import nearest
from mdpr.reid.evaluation.reranking import RerankConfig, reranked_blocks
from mdpr.reid.evaluation.similarity import unit_rows


def definition(query: NDArray[np.float32], gallery: NDArray[np.float32], config: RerankConfig) -> NDArray[np.float64]:
    """Final distances (Q, G), with loops over points and sets."""
    points = np.concatenate([query, gallery]).astype(np.float64)
    count = len(points)
    distance = np.maximum(2 - 2 * points @ points.T, 0)
    np.fill_diagonal(distance, 0)
    distance /= distance.max(axis=1, keepdims=True)
    order = np.argsort(distance, axis=1, kind="stable")

    def reciprocal(point: int, k: int) -> set[int]:
        return {int(other) for other in order[point, : k + 1] if point in order[other, : k + 1]}

    encoding = np.zeros((count, count))
    for point in range(count):
        own = reciprocal(point, config.k1)
        members = set(own)
        for candidate in own:
            theirs = reciprocal(candidate, round(config.k1 / 2))
            if len(theirs & own) > 2 / 3 * len(theirs):
                members |= theirs
        columns = sorted(members)
        weights = np.exp(-distance[point, columns])
        encoding[point, columns] = weights / weights.sum()
    encoding = np.stack([encoding[order[point, : config.k2]].mean(axis=0) for point in range(count)])
    result = np.empty((len(query), len(gallery)))
    for q in range(len(query)):
        for g in range(len(gallery)):
            one, two = encoding[q], encoding[len(query) + g]
            jaccard = 1 - np.minimum(one, two).sum() / np.maximum(one, two).sum()
            original = distance[q, len(query) + g]
            result[q, g] = (1 - config.original_weight) * jaccard + config.original_weight * original
    return result


def people(seed: int, queries: int, items: int, spread: float = 0.7) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    noise = np.random.default_rng(seed)
    centres = noise.normal(size=(15, 16))
    rows = centres[noise.integers(0, 15, queries + items)] + spread * noise.normal(size=(queries + items, 16))
    unit = unit_rows(rows.astype(np.float32))
    return unit[:queries], unit[queries:]


@pytest.mark.parametrize(
    "config", [RerankConfig(), RerankConfig(7, 3, 0.5), RerankConfig(5, 1, 0), RerankConfig(4, 2, 1)]
)
@pytest.mark.parametrize("spread", [0.2, 0.7, 2.0])
def test_equals_the_definition(config: RerankConfig, spread: float) -> None:
    query, gallery = people(int(10 * spread), 40, 90, spread)
    blocks = [(first, scores.copy()) for first, scores in reranked_blocks(query, gallery, config, block_bytes=1)]
    assert [first for first, _ in blocks] == list(range(0, 40, 16))
    got = -np.concatenate([scores for _, scores in blocks])
    np.testing.assert_allclose(got, definition(query, gallery, config), atol=2e-6)


def test_fewer_points_than_neighbours() -> None:
    query, gallery = people(3, 2, 5)
    (_, scores), *_ = reranked_blocks(query, gallery)
    np.testing.assert_allclose(-scores, definition(query, gallery, RerankConfig()), atol=2e-6)


@pytest.mark.parametrize("tile", [7, 16, 40, 500])
def test_neighbours_equal_a_sort(tile: int) -> None:
    points = np.concatenate(people(4, 20, 80))
    found = nearest(points, 6, tile)
    similarity = (points @ points.T).astype(np.float64)
    np.testing.assert_allclose(found.lowest, similarity.min(axis=1), atol=1e-6)
    np.fill_diagonal(similarity, 2)
    np.testing.assert_array_equal(found.index, np.argsort(-similarity, axis=1, kind="stable")[:, :6])
    np.testing.assert_allclose(found.similarity[:, 1:], np.sort(similarity, axis=1)[:, ::-1][:, 1:6], atol=1e-6)


@pytest.mark.parametrize("tile", [5, 16, 64])
def test_equal_neighbours_stand_by_position(tile: int) -> None:
    """Rows of one number only: their products are exact, so copies tie exactly, across tiles too."""
    points = np.eye(4, dtype=np.float32)[np.random.default_rng(5).integers(0, 4, 50)]
    found = nearest(points, 5, tile)
    similarity = points @ points.T
    np.fill_diagonal(similarity, 2)
    np.testing.assert_array_equal(found.index, np.argsort(-similarity, axis=1, kind="stable")[:, :5])


def test_wrong_parameters_are_named() -> None:
    with pytest.raises(ConfigError, match="1 <= k2 <= k1"):
        RerankConfig(k1=3, k2=4)
    with pytest.raises(ConfigError, match="original_weight"):
        RerankConfig(original_weight=1.5)
    with pytest.raises(FormatError, match="4 neighbours asked for"):
        nearest(np.eye(3, dtype=np.float32), 4)
