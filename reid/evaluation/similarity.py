"""Cosine similarities in blocks of queries: the matrix is never whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError

Floats = NDArray[np.float32]

BLOCK_BYTES = 128 << 20
"""Of one block of similarities; smaller ones make the matrix product pack the gallery too often."""


def unit_rows(features: Floats, name: str = "features") -> Floats:
    """A copy with rows of length 1; a row of zeros stays zero, and its similarity with everything is 0.

    Args:
        features: (N, D), any floating type.
        name: for messages.

    Raises:
        FormatError: not two-dimensional, or a value that is not finite; it names the row.

    >>> unit_rows(np.array([[3, 4], [0, 0]], np.float32)).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    if features.ndim != 2 or not np.issubdtype(features.dtype, np.floating):
        raise FormatError(f"{name}: expected a floating-point array (N, D), got {features.dtype} {features.shape}")
    squares = np.einsum("nd,nd->n", features, features, dtype=np.float32, casting="same_kind")
    if not np.isfinite(squares).all():
        bad = int(np.flatnonzero(~np.isfinite(squares))[0])
        raise FormatError(f"{name}: row {bad} has a value that is not finite, or too large to be squared")
    scale = 1 / np.maximum(np.sqrt(squares), np.float32(1e-12))
    return np.multiply(features, scale[:, None], dtype=np.float32, casting="same_kind", order="C")


def block_rows(gallery: int, block_bytes: int = BLOCK_BYTES) -> int:
    """Queries of a block.

    >>> block_rows(16384), block_rows(10**9)
    (2048, 16)
    """
    return max(16, block_bytes // (4 * max(gallery, 1)))


def similarity_blocks(query: Floats, gallery: Floats, block_bytes: int = BLOCK_BYTES) -> Iterator[tuple[int, Floats]]:
    """Cosine similarities, some queries at a time.

    Args:
        query, gallery: (Q, D) and (G, D) unit rows.
        block_bytes: about the size of a block.

    Yields:
        First query of the block, and (B, G) similarities that the caller may overwrite; they are valid until the next
        block is asked for, because all blocks share their memory.

    Raises:
        FormatError: the widths differ.
    """
    if query.shape[1] != gallery.shape[1]:
        raise FormatError(f"queries have {query.shape[1]} values and the gallery {gallery.shape[1]}: not one model")
    size = min(block_rows(len(gallery), block_bytes), max(len(query), 1))
    memory = np.empty((size, len(gallery)), np.float32)
    for first in range(0, len(query), size):
        rows = query[first : first + size]
        yield first, np.matmul(rows, gallery.T, out=memory[: len(rows)])


def top_k(scores: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """(B, min(k, G)) columns of the highest scores of each row, falling; among equal ones that are kept, by position.

    >>> top_k(np.array([[0.1, 0.9, 0.5, 0.9]]), 3).tolist()
    [[1, 3, 2]]
    """
    k = min(k, scores.shape[1])
    if k == scores.shape[1]:
        best = np.broadcast_to(np.arange(k), scores.shape)
    else:
        best = np.sort(np.argpartition(scores, scores.shape[1] - k, axis=1)[:, scores.shape[1] - k :], axis=1)
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1).astype(np.int64)
