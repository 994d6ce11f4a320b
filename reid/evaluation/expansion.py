"""Query expansion: a query together with what it finds first describes the person better than the query alone."""

from __future__ import annotations

import numpy as np

from mdpr.errors import ConfigError
from mdpr.reid.evaluation.similarity import BLOCK_BYTES, Floats, similarity_blocks, top_k, unit_rows


def expand_queries(
    query: Floats, gallery: Floats, k: int, alpha: float = 3.0, block_bytes: int = BLOCK_BYTES
) -> Floats:
    """Queries averaged with their k nearest gallery items, weighted by similarity to the power of alpha.

    No label is used: a neighbour may be the query's own picture or one that the ranking leaves out.

    Args:
        query, gallery: (Q, D) and (G, D) unit rows.
        k: neighbours, 0 or more; 0 gives the queries back.
        alpha: 0 = plain average.
        block_bytes: about the size of a block of similarities.

    Returns:
        (Q, D) unit rows; neighbours of negative similarity have no weight.

    Raises:
        ConfigError: k or alpha below 0.

    Reference: Radenovic et al., Fine-tuning CNN Image Retrieval with No Human Annotation (1711.02512), section 3.4.
    """
    if k < 0 or alpha < 0:
        raise ConfigError(f"query expansion: expected k and alpha of 0 or more, got {k} and {alpha}")
    expanded = query.copy()
    if k == 0 or not len(gallery):
        return expanded
    for first, scores in similarity_blocks(query, gallery, block_bytes):
        for row, columns in enumerate(top_k(scores, k)):
            similarity = scores[row, columns]
            weights = np.where(similarity > 0, np.maximum(similarity, 0) ** np.float32(alpha), 0)
            expanded[first + row] += weights.astype(np.float32) @ gallery[columns]
    return unit_rows(expanded, "expanded queries")
