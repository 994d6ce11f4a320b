"""Links between cameras: tracklets of different cameras that share an identity, against those that should.

A tracklet is a predicted track of one camera. It stands for the person that most of its boxes match (CLEAR matches),
if these are at least half of its boxes; other tracklets are clutter or mixtures, and left out of both figures. Every
pair of tracklets of different cameras counts once: it is predicted when they share an identity, and true when they
stand for the same person.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mdpr.pipeline.metrics.overlaps import Integers

NOBODY = -1
_MIN_SHARE = 0.5


@dataclass(frozen=True)
class Links:
    """Pairs of tracklets of different cameras.

    Attributes:
        tracklets, people_tracklets: all tracklets, and those that stand for a person.
        true, predicted, right: pairs that should share an identity, that do, and both.
    """

    tracklets: int
    people_tracklets: int
    true: int
    predicted: int
    right: int

    def values(self) -> dict[str, float | None]:
        """Counts, precision, recall and F1; None where there is nothing to divide by.

        >>> Links(5, 4, 4, 2, 1).values()["recall"]
        0.25
        """
        both = self.predicted + self.true
        return {
            "tracklets": self.tracklets, "people_tracklets": self.people_tracklets, "true": self.true,
            "predicted": self.predicted, "right": self.right,
            "precision": self.right / self.predicted if self.predicted else None,
            "recall": self.right / self.true if self.true else None, "f1": 2 * self.right / both if both else None,
        }  # fmt: skip


def tracklet_people(tracklet: Integers, person: Integers) -> Integers:
    """(T,) the person that each tracklet stands for, NOBODY where there is none.

    Args:
        tracklet: (N,) number from 0 of each box's tracklet; every number up to the highest has a box.
        person: (N,) person that each box matches, NOBODY where it matches none.

    >>> tracklet_people(np.array([0, 0, 0, 1, 1, 1]), np.array([7, 7, 8, 7, -1, -1])).tolist()
    [7, -1]
    """
    boxes = np.bincount(tracklet)
    matched = person != NOBODY
    people, number = np.unique(person[matched], return_inverse=True)
    columns = max(len(people), 1)
    keys, counts = np.unique(tracklet[matched] * columns + number, return_counts=True)
    owner, number = keys // columns, keys % columns
    found = np.full(len(boxes), NOBODY, np.int64)
    order = np.lexsort((-number, counts))  # the last one written stays: most boxes, among equals the lowest person
    order = order[counts[order] >= _MIN_SHARE * boxes[owner[order]]]
    found[owner[order]] = people[number[order]]
    return found


def count_links(camera: Integers, identity: Integers, person: Integers) -> Links:
    """Pairs over all cameras.

    Args:
        camera, identity, person: (T,) of each tracklet; a person of NOBODY leaves it out.
    """
    known = person != NOBODY
    camera, identity, known_person = camera[known], identity[known], person[known]
    return Links(
        len(person), int(known.sum()), true=_pairs(camera, known_person), predicted=_pairs(camera, identity),
        right=_pairs(camera, identity, known_person),
    )  # fmt: skip


def links_by_cameras(camera: Integers, identity: Integers, person: Integers) -> dict[tuple[int, int], Links]:
    """The same for each two cameras."""
    found = {}
    for two in combinations(np.unique(camera).tolist(), 2):
        here: NDArray[np.bool_] = np.isin(camera, two)
        found[two] = count_links(camera[here], identity[here], person[here])
    return found


def _pairs(camera: Integers, *groups: Integers) -> int:
    """Pairs of different cameras within each group: all pairs less those of the same camera."""
    columns = np.stack(groups)
    return _within(columns) - _within(np.concatenate([columns, camera[None]]))


def _within(columns: Integers) -> int:
    """Pairs of equal columns."""
    counts = np.unique(columns, axis=1, return_counts=True)[1]
    return int(np.sum(counts * (counts - 1) // 2))
