"""The links of an answer, each with its reasons, and how far the answer can be trusted."""

from __future__ import annotations

import numpy as np

from mdpr.trackers.crosscamera.constraints import CONSTRAINTS
from mdpr.trackers.crosscamera.evidence import Weighed
from mdpr.trackers.crosscamera.groupodds import RATIO
from mdpr.trackers.crosscamera.reasons import Pairs, TreeLink, rivals
from mdpr.trackers.crosscamera.scene import Integers, Scene
from mdpr.trackers.crosscamera.types import Calibration, CameraPairFit, Link, Reasons, Verdict

CERTAIN, PROBABLE = 0.99, 0.9
NEARLY = 0.1
"""Groups that were kept apart although they are one person with this probability are mentioned."""


def explain(
    scene: Scene, weighed: Weighed, group: Integers, joined: list[TreeLink]
) -> tuple[tuple[Link, ...], Calibration]:
    """Links of the final groups, whose trees have the edges `joined`, sorted by pair; and the calibration."""
    pairs = weighed.pairs
    best, forbidden = rivals(pairs, group)
    place = {code: number for number, code in enumerate((pairs.a * len(scene) + pairs.b).tolist())}

    unseen = weighed.evidence.prior + float(weighed.evidence.elsewhere[RATIO])

    def reasons(a: int, b: int, constraint: str, tree: TreeLink | None = None) -> Reasons:
        pair = place.get(a * len(scene) + b)
        value = None if pair is None or np.isnan(pairs.similarity[pair]) else float(pairs.similarity[pair])
        others = best[[a, b]]
        runner_up = None if np.isnan(others).all() else float(np.nanmax(others))
        return Reasons(
            similarity=value,
            runner_up=runner_up,
            margin=None if value is None or runner_up is None else value - runner_up,
            time_term=0.0 if pair is None else float(pairs.time_term[pair]),
            position_term=0.0 if pair is None else float(pairs.position_term[pair]),
            log_odds=unseen if pair is None else float(pairs.log_odds[pair]),
            constraint=constraint,
            forbidden=dict(sorted((forbidden[a] + forbidden[b]).items())),
            group_log_odds=None if tree is None else tree.log_odds,
            group_time_term=None if tree is None else tree.times,
            group_position_term=None if tree is None else tree.places,
            gap_s=_gap_s(scene, a, b),
            group_rival_term=None if tree is None else tree.rivals,
            group_rival=None if tree is None or tree.rival < 0 else str(scene.keys[tree.rival]),
        )

    links: list[Link] = []
    for tree in joined:
        probability = 1 - tree.risk
        why = reasons(tree.a, tree.b, "must-link" if tree.is_forced else "", tree)
        links.append(Link(scene.keys[tree.a], scene.keys[tree.b], _verdict(probability), probability, True, why))
    for a, b, odds, constraint in _apart(pairs, group):
        probability = 0.0 if constraint else _probability(odds)
        verdict = Verdict.CERTAIN if constraint else Verdict.AMBIGUOUS
        links.append(Link(scene.keys[a], scene.keys[b], verdict, probability, False, reasons(a, b, constraint)))
    links.sort(key=lambda link: link.pair)
    return tuple(links), _calibration(scene, weighed, joined)


def _gap_s(scene: Scene, a: int, b: int) -> float | None:
    if scene.clock[a] != scene.clock[b]:
        return None
    early, late = (a, b) if scene.start_s[a] <= scene.start_s[b] else (b, a)
    return float(scene.start_s[late] - scene.end_s[early])


def _probability(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))


def _verdict(probability: float) -> Verdict:
    if probability >= CERTAIN:
        return Verdict.CERTAIN
    return Verdict.PROBABLE if probability >= PROBABLE else Verdict.AMBIGUOUS


def _apart(pairs: Pairs, group: Integers) -> list[tuple[int, int, float, str]]:
    """For each two groups the pair that was nearest to joining them, when it was near, and what forbade it."""
    is_near = (group[pairs.a] != group[pairs.b]) & (pairs.log_odds > np.log(NEARLY / (1 - NEARLY)))
    rows = np.flatnonzero(is_near)
    order = rows[np.lexsort((rows, -pairs.log_odds[rows]))]
    one, two = group[pairs.a[order]], group[pairs.b[order]]
    code = np.minimum(one, two) * (int(group.max(initial=0)) + 1) + np.maximum(one, two)
    _, first = np.unique(code, return_index=True)
    return [
        (int(pairs.a[p]), int(pairs.b[p]), float(pairs.log_odds[p]), CONSTRAINTS[int(pairs.code[p])])
        for p in order[np.sort(first)].tolist()
    ]


def _calibration(scene: Scene, weighed: Weighed, joined: list[TreeLink]) -> Calibration:
    odds, weight = weighed.different_odds
    risk = [link.risk for link in joined]
    pairs = [link.pairs for link in joined]
    found = weighed.fit
    fits = []
    for number in np.flatnonzero(found.samples > 0).tolist():
        one, two = divmod(number, len(scene.cameras))
        fits.append(
            CameraPairFit(
                (scene.cameras[one], scene.cameras[two]),
                float(found.different[number]), float(found.same[number]),
                float(found.different_spread[number]), float(found.same_spread[number]),
                float(found.share[number]),
                round(float(found.samples[number])), float(found.same_samples[number]),
            )
        )  # fmt: skip
    return Calibration(
        known_different=weighed.known_different,
        known_same=weighed.known_same,
        passed=float(weight[odds > 0].sum() / weight.sum()) if len(odds) else None,
        expected_false_links=float(np.average(risk, weights=pairs)) if risk else 0.0,
        pairs=tuple(fits),
        apart=tuple((scene.cameras[one], scene.cameras[two]) for one, two in sorted(weighed.apart)),
    )
