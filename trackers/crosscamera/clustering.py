"""Groups from pair evidence: the most certain two groups become one, as long as it pays and nothing forbids it."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np

from mdpr.trackers.crosscamera.constraints import members_of
from mdpr.trackers.crosscamera.groupodds import RATIO, TERMS, Evidence, GroupSums
from mdpr.trackers.crosscamera.scene import Integers, Times

Between = Callable[[Integers, Integers], int]


def agglomerate(evidence: Evidence, start: Integers, between: Between) -> Integers:
    """Join groups, the most certain first.

    A join with even odds or less, or with more evidence against it than for it, is never made. Two groups between which
    anything is forbidden are never joined.

    Args:
        evidence: about pairs.
        start: (N,) number of the group each row begins in.
        between: what forbids two groups of rows; 0 when they may be one.

    Returns:
        (N,) group of each row, named by its lowest row.
    """
    members: dict[int, Integers] = {}
    owner = np.empty(evidence.count, np.int64)
    for rows in members_of(start):
        members[int(rows[0])] = rows
        owner[rows] = rows[0]
    groups = GroupSums(evidence, owner)
    near, sums = _neighbours(evidence, owner)
    version = dict.fromkeys(members, 0)
    heap: list[tuple[float, int, int, int, int]] = []

    def push(one: list[int], two: list[int], cross: Times) -> None:
        speaks_for = np.flatnonzero(cross[:, RATIO] > 0)  # few do
        if not len(speaks_for):
            return
        one, two = [one[place] for place in speaks_for.tolist()], [two[place] for place in speaks_for.tolist()]
        times = evidence.times([members[name] for name in one], [members[name] for name in two])
        odds, gain = evidence.log_odds(cross[speaks_for], groups.sides(one), groups.sides(two), times)
        for a, b, value, is_for in zip(one, two, odds.tolist(), (gain > 0).tolist(), strict=True):
            if value > 0 and is_for:
                low, high = min(a, b), max(a, b)
                heapq.heappush(heap, (-value, low, high, version[low], version[high]))

    first = [(one, two, slot) for one in sorted(members) for two, slot in near[one].items() if one < two]
    push([one for one, _, _ in first], [two for _, two, _ in first], sums[[slot for _, _, slot in first]])
    while heap:
        _, one, two, before, after = heapq.heappop(heap)
        if version.get(one) != before or version.get(two) != after:
            continue
        if between(members[one], members[two]):
            near[one].pop(two)
            near[two].pop(one)
            continue  # refused again whatever the groups become: `between` looks at all members
        groups.take_over(one, two, sums[near[one][two]])
        _join(near, sums, one, two)
        members[one] = np.sort(np.concatenate([members[one], members.pop(two)]))
        version[one] += 1
        del version[two]
        others = sorted(near[one])
        push([one] * len(others), others, sums[[near[one][other] for other in others]])
    group = np.empty(evidence.count, np.int64)
    for rows in members.values():
        group[rows] = rows[0]
    return group


def _neighbours(evidence: Evidence, owner: Integers) -> tuple[list[dict[int, int]], Times]:
    """For each group its neighbours, with the place of what is between the two in the (S, TERMS) sums."""
    one, two = owner[evidence.a], owner[evidence.b]
    apart = one != two
    code = np.minimum(one, two)[apart] * evidence.count + np.maximum(one, two)[apart]
    codes, slot = np.unique(code, return_inverse=True)
    sums = np.zeros((len(codes), TERMS))
    np.add.at(sums, slot, evidence.terms[apart])
    near: list[dict[int, int]] = [{} for _ in range(evidence.count)]
    pairs = zip((codes // evidence.count).tolist(), (codes % evidence.count).tolist(), strict=True)
    for number, (low, high) in enumerate(pairs):
        near[low][high] = near[high][low] = number
    return near, sums


def _join(near: list[dict[int, int]], sums: Times, one: int, two: int) -> None:
    """Let `one` take over the neighbours of `two`."""
    near[one].pop(two, None)
    near[two].pop(one, None)
    known, more = [], []
    for other, slot in near[two].items():
        near[other].pop(two)
        if other in near[one]:
            known.append(near[one][other])
            more.append(slot)
        else:
            near[one][other] = near[other][one] = slot
    sums[known] += sums[more]
    near[two] = {}
