"""People who leave and come back, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes
from mdpr.pipeline.metrics.evaluate import EvaluateConfig, evaluate_sequence
from mdpr.pipeline.metrics.returns import NOBODY, ReturnConfig, Returns, Sightings, combined_returns, count_returns

FPS = 10.0


def stay(person: int, start_s: float, end_s: float, identity: int, covered_from_s: float = 0.0) -> list[list[float]]:
    """Rows time, person, identity; the end is not included."""
    times = np.arange(round(start_s * FPS), round(end_s * FPS)) / FPS
    return [[time, person, identity if time >= start_s + covered_from_s else NOBODY] for time in times]


def counted(*stays: list[list[float]], fps: float = FPS, config: ReturnConfig | None = None) -> Returns:
    rows = np.array([row for one in stays for row in one])
    time_s, person, identity = rows[:, 0], rows[:, 1].astype(int), rows[:, 2].astype(int)
    seen = identity != NOBODY
    people = Sightings(time_s, person, identity, 1 / fps)
    return count_returns(
        people, Sightings(time_s[seen], identity[seen], person[seen], 1 / fps), config or ReturnConfig()
    )


def numbers(returns: Returns, bucket: str = "all") -> tuple[float | None, ...]:
    values = returns.values()[bucket]
    return tuple(values[name] for name in ("returns", "covered", "kept", "claims", "right_claims"))


def test_kept_lost_and_taken() -> None:
    found = counted(
        stay(1, 0, 5, 11), stay(1, 10, 15, 11),  # away 5.1 s, keeps its identity
        stay(2, 0, 5, 12), stay(2, 25, 30, 13),  # away 20.1 s, gets a new one
        stay(3, 0, 5, 14), stay(4, 100, 105, 14),  # someone else's identity, 95.1 s later
    )  # fmt: skip
    assert numbers(found, "3-10 s") == (1, 1, 1, 1, 1)
    assert numbers(found, "10-60 s") == (1, 1, 0, 0, 0)
    assert numbers(found, ">60 s") == (0, 0, 0, 1, 0)
    values = found.values()["all"]
    assert (values["recall"], values["precision"]) == (0.5, 0.5)


@pytest.mark.parametrize(("back_s", "bucket"), [(7.9, "3-10 s"), (7.8, None), (14.8, "3-10 s"), (14.9, "10-60 s"),
                                                (64.9, ">60 s")])  # fmt: skip
def test_edges_of_the_buckets(back_s: float, bucket: str | None) -> None:
    """Last seen at 4.9 s; a difference of exactly 3, 10 or 60 s belongs to the bucket that starts there."""
    found = counted(stay(1, 0, 5, 7), stay(1, back_s, back_s + 2, 7))
    assert found.all.returns == (bucket is not None)
    for label in found.labels:
        assert found.values()[label]["returns"] == (label == bucket)


def test_never_covered_is_not_kept() -> None:
    found = counted(stay(1, 0, 5, 7), stay(1, 10, 15, NOBODY))
    assert numbers(found) == (1, 0, 0, 0, 0)


def test_glimpses_count_as_away() -> None:
    found = counted(stay(1, 0, 5, 7), stay(1, 12, 12.4, 8), stay(1, 20, 25, 7))
    assert numbers(found, "10-60 s")[:3] == (1, 1, 1)
    assert numbers(found, "3-10 s")[:3] == (0, 0, 0)


def test_only_the_edges_of_a_stay_matter() -> None:
    """A switch in the middle of a stay is not about returning; the first second covered after the return decides."""
    found = counted(stay(1, 0, 5, 7), stay(1, 5, 8, 8), stay(1, 20, 21.2, 8, covered_from_s=0.5), stay(1, 21.2, 30, 9))
    assert numbers(found)[:3] == (1, 1, 1)
    late = counted(stay(1, 0, 5, 7), stay(1, 20, 20.3, 9), stay(1, 20.3, 30, 7))
    assert numbers(late)[:3] == (1, 1, 1)  # three frames of a wrong identity, then right within the second
    assert numbers(counted(stay(1, 0, 5, 7), stay(1, 20, 21, 9), stay(1, 21, 30, 7)))[:3] == (1, 1, 0)


def test_identities_that_reappear_on_nobody_are_left_out() -> None:
    times = np.concatenate([np.arange(50) / FPS, 10 + np.arange(50) / FPS])
    identities = Sightings(times, np.full(100, 7), np.where(times < 6, 1, NOBODY), 1 / FPS)
    nobody = Sightings(np.empty(0), np.empty(0, int), np.empty(0, int), 1 / FPS)
    assert numbers(count_returns(nobody, identities, ReturnConfig())) == (0, 0, 0, 0, 0)


def test_nothing() -> None:
    nobody = Sightings(np.empty(0), np.empty(0, int), np.empty(0, int), 0.1)
    values = count_returns(nobody, nobody, ReturnConfig()).values()["all"]
    assert values["recall"] is None
    assert values["precision"] is None


def test_combined() -> None:
    one = counted(stay(1, 0, 5, 7), stay(1, 10, 15, 7))
    other = counted(stay(1, 0, 5, 7), stay(1, 10, 15, 8))
    assert numbers(combined_returns([one, other])) == (2, 2, 1, 1, 1)


@pytest.mark.parametrize("fps", [10.0, 25.0, 30.0])
def test_seconds_not_frames(fps: float) -> None:
    """The same scene at any frame rate gives the same counts; invisible boxes count as away."""
    frames = round(20 * fps)
    visibility = np.ones(frames)
    visibility[round(5 * fps) : round(12 * fps)] = 0.05
    truth = TrackBoxes.of(range(frames), 1, [[0, 0, 10, 10]] * frames, visibility=visibility)
    seen = np.flatnonzero(visibility > 0.1)
    predicted = TrackBoxes.of(seen, 4, [[0, 0, 10, 10]] * len(seen))
    recording = Recording("s", truth, "gt", frames, fps)
    returns = evaluate_sequence(recording, predicted, "p").scores.returns
    assert returns is not None
    assert numbers(returns, "3-10 s") == (1, 1, 1, 1, 1)
    unaware = EvaluateConfig(returns=ReturnConfig(min_visibility=0.0))
    always_there = evaluate_sequence(recording, predicted, "p", unaware).scores.returns
    assert always_there is not None
    assert always_there.all.returns == 0


def test_no_frame_rate_no_returns() -> None:
    truth = TrackBoxes.of([0], 1, [[0, 0, 10, 10]])
    recording = Recording("s", truth, "gt", 1)
    assert evaluate_sequence(recording, truth, "p").scores.returns is None
    assert evaluate_sequence(recording, truth, "p", EvaluateConfig(fps=5.0)).scores.returns is not None
