"""People in places: never too near, on free ground, smooth, as asked; in made places and in drawn ones."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.reid.synthetic.path_motion import APART_M
from mdpr.reid.synthetic.path_visits import GLANCE
from mdpr.reid.synthetic.paths import Activity, PathOptions, Walk, plan
from mdpr.reid.synthetic.place_types import Place, WalkGrid
from mdpr.reid.synthetic.places import make_place
from mdpr.reid.synthetic.solids import box
from mdpr.reid.synthetic.surfaces import Surface

USUAL = PathOptions(crowding=0.5)
ALONE = PathOptions(in_groups=0.0, turning=0.0, returning=0.0)


def drawn(free: NDArray[np.bool_], entrances: Any, waypoints: Any = ()) -> Place:
    """A place that is nothing but ground, cells of 0.25 m from (0, 0)."""
    nothing = box((0, 0, 0), (0.1, 0.1, 0.1), Surface("plain", (0.5, 0.5, 0.5)))
    doors, stops = (np.array(points, np.float64).reshape(-1, size) for points, size in ((entrances, 2), (waypoints, 3)))
    bounds = (0.0, 0.0, free.shape[1] * 0.25, free.shape[0] * 0.25)
    return Place("drawn", 0, nothing, (), False, WalkGrid(free, (0.0, 0.0), 0.25), doors, stops, (), bounds, 3.0)


@lru_cache
def place_of(name: str) -> Place:
    if name == "square":
        doors = [(0.3, 3), (0.3, 11), (13.7, 3), (13.7, 11), (4, 0.3), (10, 0.3), (4, 13.7), (10, 13.7)]
        stops = [(x, y, x + y) for x in (4.1, 7.1, 10.1) for y in (4.1, 7.1, 10.1)]
        return drawn(np.ones((56, 56), bool), doors, stops)
    if name == "corridor":  # 1.25 m for the feet's middle
        return drawn(np.ones((5, 56), bool), [(0.3, 0.6), (13.7, 0.6)])
    if name == "gap":
        free = np.ones((40, 48), bool)
        free[:, 22:26] = False
        free[18:23, 22:26] = True
        return drawn(free, [(0.3, 2), (0.3, 8), (11.7, 2), (11.7, 8)], [(3.1, 7.1, 1.0), (9.1, 3.1, -2.0)])
    return make_place(name, 0)


USUAL = PathOptions(crowding=0.5)


@lru_cache
def walks(name: str, people: int, seed: int, fps: float = 10.0, options: PathOptions = USUAL) -> list[Walk]:
    return plan(place_of(name), people, 40.0, fps, seed, options)


def at_10_fps(everybody: list[Walk]) -> list[Walk]:
    """Walks of 30 fps with every third frame."""
    return [Walk(**{name: values[::3] for name, values in vars(walk).items()}) for walk in everybody]


def visits(walk: Walk) -> list[slice]:
    return runs(walk.present)


def runs(mask: NDArray[np.bool_]) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def turned(headings: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs((np.diff(headings) + np.pi) % (2 * np.pi) - np.pi)


CASES = [("square", 24, 1), ("corridor", 8, 2), ("gap", 14, 3), ("plaza", 16, 4), ("street", 16, 5)]
MORE = [(name, people, seed) for name, people, _ in CASES for seed in range(10, 14)] + [
    (name, 45, 20) for name in ("square", "gap", "plaza", "street")
]
CASE_OF = {name: (people, seed) for name, people, seed in CASES}
EVERY = [*CASES[:3], *(pytest.param(*case, marks=pytest.mark.slow) for case in [*CASES[3:], *MORE])]


@pytest.mark.parametrize(("name", "people", "seed"), EVERY)
def test_nobody_comes_too_near_or_leaves_the_free_cells(name: str, people: int, seed: int) -> None:
    everybody = walks(name, people, seed, 30.0)
    ground = place_of(name).ground
    assert len(everybody) == people
    for walk in everybody:
        assert ground.is_free(walk.xy[walk.present]).all()
    xy = np.array([walk.xy for walk in everybody])
    present = np.array([walk.present for walk in everybody])
    for frame in range(present.shape[1]):
        here = xy[present[:, frame], frame]
        apart = np.linalg.norm(here[:, None] - here[None], axis=-1) + 9 * np.eye(len(here))
        assert apart.min(initial=9) >= APART_M - 1e-6 > 0.35


@pytest.mark.parametrize(("name", "people", "seed"), EVERY)
def test_motion_is_smooth_and_people_look_where_they_go(name: str, people: int, seed: int) -> None:
    for walk in at_10_fps(walks(name, people, seed, 30.0)):
        assert walk.walked_m.shape == walk.speed.shape == walk.heading.shape == walk.present.shape == (400,)
        for visit in visits(walk):
            xy, heading, speed = walk.xy[visit], walk.heading[visit], walk.speed[visit]
            change = np.diff(speed) / 0.1
            assert change.max(initial=0) <= 1.1 + 1e-6
            assert change.min(initial=0) >= -3.0 - 1e-6
            assert turned(heading).max(initial=0) / 0.1 <= 2.4 + 1e-6
            steps = np.diff(xy, axis=0)
            lengths = np.hypot(*steps.T)
            assert np.allclose(lengths, np.diff(walk.walked_m[visit]), atol=1e-6)
            assert np.allclose(lengths, speed[1:] * 0.1, atol=1e-6)
            ways = np.column_stack([np.cos(heading[1:]), np.sin(heading[1:])])
            assert np.allclose(steps, ways * lengths[:, None], atol=1e-6)
        assert set(walk.activity[~walk.present]) <= {Activity.AWAY}
        assert Activity.AWAY not in walk.activity[walk.present]
        assert walk.speed[walk.present].max(initial=0) <= 1.8 * 1.3
        assert (np.diff(walk.walked_m) >= 0).all()


@pytest.mark.parametrize(("name", "people", "seed"), EVERY)
def test_people_come_in_and_leave_by_entrances_and_nearly_all_come(name: str, people: int, seed: int) -> None:
    everybody, doors = at_10_fps(walks(name, people, seed, 30.0)), place_of(name).entrances
    for walk in everybody:
        for visit in visits(walk):
            if visit.start > 0:
                assert np.linalg.norm(doors - walk.xy[visit.start], axis=1).min() < 0.25
            if visit.stop < len(walk.present):
                assert np.linalg.norm(doors - walk.xy[visit.stop - 1], axis=1).min() < 1.7
    assert np.mean([walk.present.any() for walk in everybody]) > 0.9
    assert 0 < sum(walk.present[0] for walk in everybody) < people


@pytest.mark.parametrize(("name", "people", "seed"), EVERY)
def test_nobody_who_walks_is_held_up_for_long(name: str, people: int, seed: int) -> None:
    held = [
        part.stop - part.start
        for walk in at_10_fps(walks(name, people, seed, 30.0))
        for part in runs((walk.activity == Activity.WALK) & (walk.speed < 0.25))
    ]
    assert max(held, default=0) < 80
    going = np.concatenate(
        [walk.speed[walk.activity == Activity.WALK] for walk in at_10_fps(walks(name, people, seed, 30.0))]
    )
    assert (going > 0.25).mean() > (0.85 if people < 40 else 0.7)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_people_pass_each_other_in_a_corridor(seed: int) -> None:
    everybody = walks("corridor", 8, seed, options=replace(ALONE, standing=0.0))
    passed = 0
    for a, one in enumerate(everybody):
        for other in everybody[:a]:
            both = one.present & other.present
            along = (one.xy - other.xy)[both, 0]
            passed += int(along.size > 0 and along.min() < -0.5 and along.max() > 0.5)
    assert passed >= 3


def test_people_go_through_the_gap_of_a_wall() -> None:
    through = 0
    for walk in at_10_fps(walks("gap", 14, 3, 30.0)):
        for visit in visits(walk):
            xy = walk.xy[visit]
            in_wall = (xy[:, 0] > 5.5) & (xy[:, 0] < 6.5)
            assert ((xy[in_wall, 1] > 4.5) & (xy[in_wall, 1] < 5.75)).all()
            through += int((xy[:, 0] < 5.5).any() and (xy[:, 0] > 6.5).any())
    assert through >= 4


@pytest.mark.parametrize("name", ["square", pytest.param("plaza", marks=pytest.mark.slow)])
def test_the_frame_rate_samples_one_and_the_same_motion(name: str) -> None:
    for slow, fast in zip(walks(name, *CASE_OF[name], 10.0), walks(name, *CASE_OF[name], 30.0), strict=True):
        assert np.array_equal(slow.present, fast.present[::3])
        here = slow.present
        assert here.any()
        assert np.allclose(slow.xy[here], fast.xy[::3][here], atol=1e-6)
        assert np.allclose(slow.speed[here], fast.speed[::3][here], atol=1e-6)
        assert np.allclose(slow.walked_m[here], fast.walked_m[::3][here], atol=1e-6)
        assert np.allclose(np.cos(slow.heading - fast.heading[::3])[here], 1, atol=1e-6)
        assert np.array_equal(slow.activity, fast.activity[::3])


def test_the_seed_decides() -> None:
    one, same, other = (plan(place_of("square"), 6, 15.0, 10.0, seed, PathOptions()) for seed in (1, 1, 2))
    assert all(
        np.array_equal(a.xy, b.xy) and np.array_equal(a.present, b.present) for a, b in zip(one, same, strict=True)
    )
    assert not any(np.array_equal(a.xy, b.xy) for a, b in zip(one, other, strict=True))


def test_who_stands_at_a_waypoint_looks_to_its_heading() -> None:
    options = replace(ALONE, standing=1.0)
    stops, found = place_of("square").waypoints, 0
    for walk in walks("square", 12, 3, options=options):
        for part in runs(walk.activity == Activity.STAND):
            settled = slice(part.start + 20, part.stop)
            if part.stop - part.start < 25:
                continue
            assert walk.speed[settled].max() == 0
            gaps = np.linalg.norm(stops[:, :2] - walk.xy[part.stop - 1], axis=1)
            if gaps.min() < 0.1:
                error = walk.heading[settled] - stops[gaps.argmin(), 2]
                assert np.cos(error).min() >= np.cos(GLANCE + 0.05)
                found += 1
    assert found >= 4


def test_people_stand_as_long_as_asked_and_not_at_all_when_nobody_should() -> None:
    options = replace(ALONE, standing=1.0, stand_s=(5.0, 7.0), stops=(1, 1))
    times = []
    for walk in walks("square", 12, 5, options=options):
        for part in runs(walk.activity == Activity.STAND):
            if part.start > 0 and part.stop < len(walk.present):
                times.append((part.stop - part.start) / 10)
        assert len(runs(walk.activity == Activity.STAND)) <= 1
    assert len(times) >= 5
    assert min(times) >= 4.9
    assert max(times) <= 7.2
    for walk in walks("square", 12, 5, options=replace(ALONE, standing=0.0)):
        assert set(walk.activity[walk.present]) <= {Activity.WALK}


def test_who_returns_is_away_as_long_as_asked() -> None:
    options = replace(ALONE, returning=1.0, gap_s=(4.0, 6.0), standing=0.0, arrive_until=0.5)
    everybody = walks("square", 12, 6, options=options)
    gaps, same_door = [], 0
    for walk in everybody:
        parts = visits(walk)
        for before, after in pairwise(parts):
            gaps.append((after.start - before.stop) / 10)
            same_door += int(np.linalg.norm(walk.xy[before.stop - 1] - walk.xy[after.start]) < 1)
    assert len(gaps) >= 8
    assert min(gaps) >= 3.9
    assert np.median(gaps) <= 6.2
    assert max(gaps) <= 9  # an entrance may be taken for a while
    assert 0 < same_door < len(gaps)
    assert all(len(visits(walk)) <= 1 for walk in walks("square", 12, 6, options=ALONE))


def test_people_arrive_when_asked() -> None:
    first = walks("square", 12, 8, options=replace(ALONE, present_first=1.0, standing=1.0))
    assert sum(walk.present[0] for walk in first) >= 6
    late = walks("square", 12, 8, options=replace(ALONE, present_first=0.0, arrive_until=0.5))
    assert not any(walk.present[0] for walk in late)
    arrivals = [int(np.flatnonzero(walk.present)[0]) / 10 for walk in late]
    assert max(arrivals) <= 22
    assert max(arrivals) - min(arrivals) > 10


def test_speeds_are_as_asked_and_differ() -> None:
    for walk in walks("square", 12, 9, options=replace(ALONE, speed=(1.0, 1.2), standing=0.0)):
        assert walk.speed[walk.present].max() <= 1.2 + 1e-9
        assert np.median(walk.speed[walk.present]) >= 0.9
    medians = [
        np.median(walk.speed[walk.present]) for walk in walks("square", 24, 9, options=replace(ALONE, standing=0))
    ]
    assert np.std(medians) > 0.1
    assert 0.65 <= min(medians) < max(medians) <= 1.8


def test_who_turns_back_leaves_where_it_came_in() -> None:
    def back(options: PathOptions) -> list[bool]:
        ends = [(walk.xy[part.start], walk.xy[part.stop - 1]) for walk in walks("square", 12, 2, options=options)
                for part in visits(walk) if part.start > 0 and part.stop < 400]  # fmt: skip
        return [bool(np.linalg.norm(end - start) < 1) for start, end in ends]

    turning = back(replace(ALONE, standing=0.0, turning=1.0, arrive_until=0.4))
    straight = back(replace(ALONE, standing=0.0, arrive_until=0.4))
    assert len(turning) >= 4
    assert np.mean(turning) > 0.8
    assert len(straight) >= 4
    assert not any(straight)


@pytest.mark.parametrize("name", ["square", pytest.param("plaza", marks=pytest.mark.slow)])
def test_groups_stand_near_each_other_and_face_each_other(name: str) -> None:
    options = PathOptions(in_groups=1.0, meeting=0.0, standing=1.0, returning=0.0, turning=0.0)
    everybody = walks(name, 12, 4, options=options)
    talks = np.array([walk.activity == Activity.TALK for walk in everybody])
    xy = np.array([walk.xy for walk in everybody])
    gaps, faces = [], []
    for person, walk in enumerate(everybody):
        for part in runs(talks[person]):
            for frame in range(part.start + 25, part.stop, 10):
                offset = (xy[:, frame] - xy[person, frame])[talks[:, frame]]
                apart = np.hypot(*offset.T)
                mates = (apart > 0) & (apart < 1.8)
                gaps.append(apart[mates].min(initial=9))
                middle = offset[mates].mean(0) if mates.any() else np.ones(2)
                faces.append(np.cos(walk.heading[frame] - np.arctan2(middle[1], middle[0])))
    assert len(gaps) > 30
    assert np.mean((np.array(gaps) > 0.5) & (np.array(gaps) < 0.9)) > 0.9
    assert np.median(faces) > 0.95


def test_groups_walk_side_by_side() -> None:
    options = PathOptions(in_groups=1.0, meeting=0.0, standing=0.0, returning=0.0, turning=0.0, present_first=0.0)
    everybody = walks("square", 6, 4, options=options)
    xy, present = np.array([walk.xy for walk in everybody]), np.array([walk.present for walk in everybody])
    gaps, beside = [], []
    for frame in range(0, 400, 5):
        for person in np.flatnonzero(present[:, frame]):
            offset = (xy[:, frame] - xy[person, frame])[present[:, frame]]
            apart = np.hypot(*offset.T)
            apart[apart == 0] = 9
            if apart.min() < 2:
                heading = everybody[person].heading[frame]
                nearest = offset[apart.argmin()] / apart.min()
                gaps.append(apart.min())
                beside.append(abs(nearest @ [-np.sin(heading), np.cos(heading)]))
    assert len(gaps) > 30
    assert 0.55 < np.median(gaps) < 0.85
    assert np.median(beside) > 0.7


def test_people_who_meet_come_by_different_entrances() -> None:
    options = PathOptions(in_groups=1.0, meeting=1.0, returning=0.0, turning=0.0, present_first=0.0, arrive_until=0.3)
    everybody = walks("square", 10, 1, options=options)
    met, apart = 0, 0
    for a, one in enumerate(everybody):
        for other in everybody[:a]:
            together = (one.activity == Activity.TALK) & (other.activity == Activity.TALK)
            if together.any() and np.linalg.norm(one.xy[together] - other.xy[together], axis=1).max() < 1.2:
                met += 1
                starts = [walk.xy[np.flatnonzero(walk.present)[0]] for walk in (one, other)]
                apart += int(np.linalg.norm(starts[0] - starts[1]) > 1)
    assert met >= 3
    assert apart >= met * 0.6


def test_a_full_place_lets_nobody_in() -> None:
    options = replace(ALONE, crowding=5 / 196, present_first=0.5)
    present = np.array([walk.present for walk in walks("square", 24, 3, options=options)]).sum(0)
    assert present.max() == 5


def test_two_pieces_of_ground_keep_their_people() -> None:
    free = np.ones((24, 40), bool)
    free[11:13] = False
    place = drawn(free, [(0.3, 1), (9.7, 1), (0.3, 5), (9.7, 5)], [(5.1, 1.1, 0.0), (5.1, 5.1, 0.0)])
    for walk in plan(place, 8, 30.0, 10.0, 0, PathOptions()):
        for visit in visits(walk):
            assert len(set(walk.xy[visit, 1] > 3)) == 1


def test_what_cannot_be_is_refused() -> None:
    square = place_of("square")
    for people, duration_s, fps, said in ((0, 9, 9, "people must be"), (1, 0, 9, "duration_s"), (1, 9, np.inf, "fps")):
        with pytest.raises(ConfigError, match=said):
            plan(square, people, duration_s, fps, 0, PathOptions())
    with pytest.raises(ConfigError, match="drawn 0 has no entrances"):
        plan(replace(square, entrances=np.zeros((0, 2))), 1, 5, 10, 0, PathOptions())
    with pytest.raises(ConfigError, match=r"the entrance at \(-1, 3\) is not on a free cell"):
        plan(replace(square, entrances=np.array([[2.0, 2], [-1, 3]])), 1, 5, 10, 0, PathOptions())
    with pytest.raises(ConfigError, match=r"the waypoint at \(99, 3\)"):
        plan(replace(square, waypoints=np.array([[99.0, 3, 0]])), 1, 5, 10, 0, PathOptions())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"standing": 1.2}, "standing must be a share between 0 and 1, got 1.2"),
        ({"in_groups": -0.1}, "in_groups must be a share"),
        ({"speed": (1.5, 1.0)}, "speed must be"),
        ({"speed": (0.1, 1.0)}, "speed must be"),
        ({"stops": (0, 2)}, "stops must be"),
        ({"gap_s": (1.0, float("inf"))}, "gap_s must be"),
        ({"stand_s": (-1.0, 2.0)}, "stand_s must be"),
        ({"crowding": 0.0}, "crowding must be above 0"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        PathOptions(**options)


def test_one_person_one_frame_one_door() -> None:
    place = drawn(np.ones((20, 20), bool), [(0.3, 2.0)])
    walk = plan(place, 1, 0.01, 10.0, 0, PathOptions(present_first=1.0))[0]
    assert walk.present.shape == (1,)
    long = plan(place, 1, 30.0, 10.0, 0, replace(ALONE, present_first=0.0))[0]
    assert long.present.sum() > 30
    assert np.ptp(long.xy[long.present], axis=0).max() > 1
