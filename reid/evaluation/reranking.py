"""k-reciprocal re-ranking: who has the same neighbours, and has each other among them, is closer.

Reference: Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding (1701.08398). Where the paper
leaves something open, this does what the evaluators of the field do: the original distance is the squared Euclidean one
of unit rows, divided by the largest in its row over queries and gallery together; a neighbour's set is taken in when
more than (the paper: at least) two thirds of it are shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mdpr.errors import ConfigError
from mdpr.reid.evaluation.neighbours import Floats, Neighbours, nearest
from mdpr.reid.evaluation.similarity import BLOCK_BYTES, similarity_blocks

_PAIRS = 2048  # of rows whose products are taken at once


@dataclass(frozen=True)
class RerankConfig:
    """Parameters, with the values of the paper.

    Attributes:
        k1: neighbours that must be reciprocal.
        k2: neighbours whose encodings are averaged; 1 = none.
        original_weight: of the original distance in the final one, 0 to 1 (the paper's lambda).
    """

    k1: int = 20
    k2: int = 6
    original_weight: float = 0.3

    def __post_init__(self) -> None:
        if not 1 <= self.k2 <= self.k1:
            raise ConfigError(f"re-ranking: expected 1 <= k2 <= k1, got k1 {self.k1} and k2 {self.k2}")
        if not 0 <= self.original_weight <= 1:
            raise ConfigError(f"re-ranking: expected original_weight in [0, 1], got {self.original_weight}")


def reranked_blocks(
    query: Floats, gallery: Floats, config: RerankConfig | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[int, Floats]]:
    """Scores after re-ranking, in blocks that `mdpr.reid.evaluation.ranking.rank` takes.

    Args:
        query, gallery: (Q, D) and (G, D) unit rows.
        config: parameters; the default is the paper's.
        block_bytes: about the size of a block.

    Yields:
        First query of the block, and (B, G) scores: minus the final distance, in [-1, 0]; may be overwritten.
    """
    config = config or RerankConfig()
    points = np.concatenate([query, gallery])
    found = nearest(points, min(config.k1 + 1, len(points)))
    encoding = _averaged(_encode(points, found, config.k1), found, config.k2)
    del points
    queries, by_neighbour = encoding[: len(query)], encoding[len(query) :].tocsc()
    spread = np.maximum(1 - found.lowest[: len(query)], np.float32(1e-12))
    for first, scores in similarity_blocks(query, gallery, block_bytes):
        last = first + len(scores)
        scores -= 1
        scores *= config.original_weight / spread[first:last, None]
        np.minimum(scores, 0, out=scores)  # rounding can make a similarity exceed 1
        scores -= (1 - config.original_weight) * _jaccard(queries[first:last], by_neighbour)
        yield first, scores


def _encode(points: Floats, found: Neighbours, k1: int) -> sparse.csr_matrix:
    """(N, N) weights exp(-distance) over the expanded k-reciprocal neighbours of each point, rows of sum 1."""
    reciprocal = _reciprocal(found.index[:, : k1 + 1])
    half = _reciprocal(found.index[:, : round(k1 / 2) + 1])
    shared = (reciprocal @ half).multiply(reciprocal).tocoo()  # (point, neighbour) -> members shared with its half set
    sizes = np.diff(half.indptr)
    is_taken = 3 * shared.data > 2 * sizes[shared.col]
    taken = sparse.csr_matrix(
        (np.ones(int(is_taken.sum()), np.int32), (shared.row[is_taken], shared.col[is_taken])), shape=shared.shape
    )
    members = (reciprocal + taken @ half).tocoo()
    distance = (1 - _similarities(points, found, members.row, members.col)) / np.maximum(1 - found.lowest, 1e-12)[
        members.row
    ]
    weights = sparse.csr_matrix((np.exp(-np.maximum(distance, 0)), (members.row, members.col)), shape=members.shape)
    scale = 1 / np.asarray(weights.sum(axis=1)).ravel()
    return (sparse.diags(scale) @ weights).tocsr().astype(np.float32)


def _reciprocal(index: NDArray[np.int64]) -> sparse.csr_matrix:
    """(N, N) ones where each is among the neighbours of the other."""
    count, k = index.shape
    has = sparse.csr_matrix(
        (np.ones(count * k, np.int32), index.ravel(), np.arange(0, count * k + 1, k)), shape=(count, count)
    )
    return has.multiply(has.T).tocsr()


def _similarities(points: Floats, found: Neighbours, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Floats:
    """(P,) cosine of each pair: looked up among the neighbours, computed where it is not there."""
    count = len(found.index)
    keys = (np.arange(count)[:, None] * count + found.index).ravel()
    order = np.argsort(keys)
    wanted = rows.astype(np.int64) * count + columns
    place = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    result = found.similarity.ravel()[order[place]]
    missing = np.flatnonzero(keys[order[place]] != wanted)
    for begin in range(0, len(missing), _PAIRS):
        some = missing[begin : begin + _PAIRS]
        result[some] = np.einsum("pd,pd->p", points[rows[some]], points[columns[some]])
    return result


def _averaged(encoding: sparse.csr_matrix, found: Neighbours, k2: int) -> sparse.csr_matrix:
    """Each encoding as the mean of those of its k2 nearest points, itself included."""
    count = len(found.index)
    k2 = min(k2, found.index.shape[1])
    index = found.index[:, :k2].ravel()
    mean = sparse.csr_matrix(
        (np.full(count * k2, 1 / k2, np.float32), index, np.arange(0, count * k2 + 1, k2)), shape=(count, count)
    )
    return (mean @ encoding).tocsr()


def _jaccard(queries: sparse.csr_matrix, by_neighbour: sparse.csc_matrix) -> Floats:
    """(B, G) Jaccard distance of each query's encoding to those of the gallery; only what both contain is looked at.

    The rows have sum 1, so that the sum of the maxima is 2 minus the sum of the minima.
    """
    distance = np.empty((queries.shape[0], by_neighbour.shape[0]), np.float32)
    for query in range(len(distance)):
        own = slice(queries.indptr[query], queries.indptr[query + 1])
        begin = by_neighbour.indptr[queries.indices[own]]
        counts = by_neighbour.indptr[queries.indices[own] + 1] - begin
        place = np.repeat(begin - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        smaller = np.minimum(np.repeat(queries.data[own], counts), by_neighbour.data[place])
        shared = np.bincount(by_neighbour.indices[place], smaller, by_neighbour.shape[0])
        distance[query] = 1 - shared / (2 - shared)
    return distance
