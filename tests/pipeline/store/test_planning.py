"""What corrections imply, against a naive closure."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from mdpr.errors import FormatError
from mdpr.pipeline.store import ConflictError, Correction, Link, TrackletKey, Verdict
from mdpr.pipeline.store.decisions import Pair, ordered
from mdpr.pipeline.store.planning import Member, bridge, check_correction, group_of

KEYS = [TrackletKey("run", f"cam{n}", 1) for n in range(8)]  # a camera each: none overlap
MEMBERS = {key: Member(None, 0, 9) for key in KEYS}


def implied(corrections: list[Correction], keys: list[TrackletKey]) -> tuple[set[Pair], set[Pair]]:
    """Pairs of `keys` that must be the same, and pairs that cannot, by applying the rules until nothing changes."""
    same = {one.pair for one in corrections if one.kind == "must-link"}
    other = {one.pair for one in corrections if one.kind == "cannot-link"}
    while True:
        more_same, more_other = set(same), set(other)
        for a, b, c in ((a, b, c) for a in KEYS for b in KEYS for c in KEYS if len({a, b, c}) == 3):
            if ordered(a, b) in same and ordered(b, c) in same:
                more_same.add(ordered(a, c))
            if ordered(a, b) in same and ordered(b, c) in other:
                more_other.add(ordered(a, c))
        if (more_same, more_other) == (same, other):
            break
        same, other = more_same, more_other
    wanted = {ordered(a, b) for a, b in combinations(keys, 2)}
    return same & wanted, other & wanted


def random_corrections(rng: np.random.Generator) -> list[Correction]:
    """Some that do not contradict each other."""
    known: list[Correction] = []
    for _ in range(12):
        a, b = (KEYS[i] for i in rng.choice(len(KEYS), 2, replace=False))
        new = Correction(rng.choice(["must-link", "cannot-link"]), a, b, "Ann")
        same, other = implied([*(one for one in known if one.pair != new.pair), new], KEYS)
        if same & other:
            with pytest.raises(ConflictError):
                check_correction(new, known, MEMBERS)
        else:
            check_correction(new, known, MEMBERS)
            known = [*(one for one in known if one.pair != new.pair), new]
    return known


@pytest.mark.parametrize("seed", range(12))
def test_contradictions_and_what_outlives_a_tracklet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    known = random_corrections(rng)
    gone = {KEYS[i] for i in rng.choice(len(KEYS), int(rng.integers(1, 5)), replace=False)}
    left = [key for key in KEYS if key not in gone]
    bridged = bridge(known, gone)
    after = [one for one in known if not gone & set(one.pair)] + bridged
    assert not gone & {key for one in bridged for key in one.pair}
    assert implied(after, left) == implied(known, left)


def test_groups() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        pairs = [ordered(*(KEYS[i] for i in rng.choice(8, 2, replace=False))) for _ in range(rng.integers(0, 9))]
        group = group_of(pairs)
        same, _ = implied([Correction("must-link", a, b, "Ann") for a, b in pairs], KEYS)  # type: ignore[arg-type]
        for key, leader in group.items():
            assert leader == min([key, *(other for other in group if group[other] == leader)])
        for a, b in combinations(KEYS, 2):
            assert (group.get(a, a) == group.get(b, b)) == (ordered(a, b) in same)


def test_pairs_are_of_two() -> None:
    with pytest.raises(FormatError, match="two different tracklets"):
        Link(KEYS[0], KEYS[0], Verdict.CERTAIN)


def test_keys_as_text() -> None:
    for key in (TrackletKey("monday", "hall", 12), TrackletKey("mon day", "a/b", 1, 3)):
        assert TrackletKey.parse(str(key)) == key
