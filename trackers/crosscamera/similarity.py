"""Which pairs are worth a look, and how alike two sets of views are."""

from __future__ import annotations

import numpy as np

from mdpr.trackers.crosscamera.appearance import Centred, unit
from mdpr.trackers.crosscamera.scene import Flags, Floats, Integers, Times

_BLOCK = 512
_ALWAYS = 5  # nearest that every tracklet looks at
BEST_VIEWS = 0.25
"""Weight of the most similar views in a similarity; the means have the rest: they carry less noise."""
_SAMPLE = 200_000


def candidate_pairs(mean: Floats, has_appearance: Flags, candidates: int) -> tuple[Integers, Integers]:
    """Pairs of rows to look at: the most similar ones of all, by mean, and the nearest five of each row.

    Searched exactly, in blocks: N * N * D operations, 4 N bytes a row of a block.

    Args:
        mean: (N, D) unit or zero rows.
        has_appearance: (N,) rows without are in no pair.
        candidates: about how many pairs there are a row.

    Returns:
        (P,) and (P,) rows with a < b, sorted.
    """
    count = len(mean)
    rows = np.flatnonzero(has_appearance)
    if len(rows) <= 2 * candidates + 1:
        one, two = np.triu_indices(len(rows), 1)
        return rows[one].astype(np.int64), rows[two].astype(np.int64)
    points = mean[rows]
    least = _least_similarity(points, candidates)
    codes = []
    for begin in range(0, len(rows), _BLOCK):
        block = points[begin : begin + _BLOCK] @ points.T
        here = np.arange(len(block))
        block[here, here + begin] = -np.inf
        a, b = np.nonzero(block >= least)
        is_ordered = b > a + begin
        codes.append(rows[a[is_ordered] + begin] * count + rows[b[is_ordered]])
        nearest = np.argpartition(block, -_ALWAYS, axis=1)[:, -_ALWAYS:]
        a, b = np.repeat(here + begin, _ALWAYS), nearest.ravel()
        codes.append(rows[np.minimum(a, b)] * count + rows[np.maximum(a, b)])
    code = np.unique(np.concatenate(codes))
    return (code // count).astype(np.int64), (code % count).astype(np.int64)


def _least_similarity(points: Floats, candidates: int) -> float:
    """The cosine that about `candidates` pairs a row exceed."""
    one, two = sampled_pairs(len(points), _SAMPLE)
    cosine = np.concatenate(
        [
            np.einsum("pd,pd->p", points[one[begin : begin + 4096]], points[two[begin : begin + 4096]])
            for begin in range(0, len(one), 4096)
        ]
    )
    return float(np.quantile(cosine, max(0.0, 1 - 2 * candidates / (len(points) - 1))))


def sampled_pairs(count: int, most: int) -> tuple[Integers, Integers]:
    """At most `most` different-rowed pairs of `count` rows; always the same ones, all when there are few."""
    if count * (count - 1) // 2 <= most:
        one, two = np.triu_indices(count, 1)
        return one.astype(np.int64), two.astype(np.int64)
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, count, (2, most))
    is_pair = a != b
    code = np.unique(np.minimum(a, b)[is_pair] * count + np.maximum(a, b)[is_pair])
    return code // count, code % count


def set_similarity(appearance: Centred, has_view: Flags, a: Integers, b: Integers) -> Floats:
    """How alike the views of two tracklets are, for each pair.

    It is the cosine of the means, and with weight `BEST_VIEWS` the mean over the views of both of the cosine with the
    most similar view of the other, so that a side or a back finds its like.

    Args:
        appearance: of all tracklets.
        has_view: (N, V).
        a, b: (P,) rows; best sorted by a.

    Returns:
        (P,) in [-1, 1]; 0 where one of the two has no view.
    """
    result = np.zeros(len(a), np.float32)
    starts = np.flatnonzero(np.diff(a, prepend=-1))
    for begin, end in zip(starts, np.append(starts[1:], len(a)) if len(a) else starts, strict=True):
        row, others = int(a[begin]), b[begin:end]
        mine = appearance.views[row][has_view[row]]
        if not len(mine):
            continue
        theirs = appearance.views[others]  # (K, V, D)
        is_there = has_view[others]
        cosine = (theirs.reshape(-1, theirs.shape[2]) @ mine.T).reshape(*is_there.shape, len(mine))
        cosine[~is_there] = -2
        to_mine = np.where(is_there, cosine.max(axis=2), 0).sum(axis=1)
        to_theirs = cosine.max(axis=1).sum(axis=1)
        views = is_there.sum(axis=1)
        best = (to_mine + to_theirs) / (views + len(mine))
        value = BEST_VIEWS * best + (1 - BEST_VIEWS) * (appearance.mean[others] @ appearance.mean[row])
        result[begin:end] = np.where(views > 0, value, 0)
    return result


def reliabilities(appearance: Centred, has_view: Flags) -> Times:
    """(N,) how much of a tracklet's mean belongs to its person, in (0, 1], against a typical tracklet's; 1 unknown.

    A mean of few views carries more of their noise, so that even its own person is less like it. The mean cosine of two
    views of a tracklet is the reliability of one; that of a mean of n follows.

    Reference: Spearman, Brown, "prophecy formula", British Journal of Psychology 3, 1910.
    """
    count = has_view.sum(axis=1).astype(np.float64)
    several = np.flatnonzero(count > 1)
    if not len(several):
        return np.ones(len(count))
    total = np.linalg.norm(appearance.views[several].sum(axis=1), axis=1).astype(np.float64) ** 2
    within = (total - count[several]) / (count[several] * (count[several] - 1))
    single = float(np.clip(np.median(within), 0.05, 1.0))
    found = count * single / (1 + (count - 1) * single)
    typical = float(np.median(found[several]))
    return np.where(count > 0, np.minimum(np.sqrt(found / typical), 1.0), 1.0)


def piece_similarity(views: Floats) -> float:
    """The same for the early and the late half of the (V, D) views of one tracklet, V >= 2."""
    half = len(views) // 2
    cosine = views[:half] @ views[half:].T
    best = (cosine.max(axis=1).sum() + cosine.max(axis=0).sum()) / len(views)
    means = unit(views[:half].mean(axis=0)) @ unit(views[half:].mean(axis=0))
    return float(BEST_VIEWS * best + (1 - BEST_VIEWS) * means)
