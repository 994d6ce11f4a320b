"""Identities over several cameras: links against counting pairs, and whole scenes by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.errors import FormatError
from mdpr.pipeline.formats.recordings import Recordings
from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes
from mdpr.pipeline.metrics.links import NOBODY, count_links, links_by_cameras, tracklet_people
from mdpr.pipeline.metrics.multicamera import MultiCameraScores, evaluate_cameras, global_ids_of

Cameras = dict[str, Recording]
SIZE = 20.0


@settings(max_examples=60, deadline=None)
@given(
    tracklets=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.sampled_from([NOBODY, 1, 2, 3])), max_size=12)
)
def test_links_are_counted_pairs(tracklets: list[tuple[int, int, int]]) -> None:
    camera, identity, person = np.array(tracklets, np.int64).reshape(-1, 3).T
    pairs = [
        (a, b) for a, b in combinations(tracklets, 2) if a[0] != b[0] and NOBODY not in (a[2], b[2])
    ]  # fmt: skip
    links = count_links(camera, identity, person)
    assert links.predicted == sum(a[1] == b[1] for a, b in pairs)
    assert links.true == sum(a[2] == b[2] for a, b in pairs)
    assert links.right == sum(a[1:] == b[1:] for a, b in pairs)
    parts = links_by_cameras(camera, identity, person).values()
    for name in ("predicted", "true", "right"):
        assert sum(getattr(one, name) for one in parts) == getattr(links, name)


@pytest.mark.parametrize(
    ("people", "expected"),
    [([7, 7, 8, -1], 7), ([7, -1, -1, -1], NOBODY), ([7, 7, 8, 8], 7), ([8, 8, 7, 7], 7), ([-1] * 4, NOBODY)],
)
def test_person_of_a_tracklet(people: list[int], expected: int) -> None:
    assert tracklet_people(np.zeros(4, np.int64), np.array(people)).tolist() == [expected]


def camera(name: str, tracks: dict[int, range], fps: float | None = 10.0, frames: int = 200) -> Recording:
    """Each id in its own place, named after the person: the id modulo 100."""
    frame = np.concatenate([np.array(list(frames), int) for frames in tracks.values()])
    ids = np.concatenate([np.full(len(frames), one) for one, frames in tracks.items()])
    ltwh = np.stack([ids % 100 * 50.0, np.zeros(len(ids)), np.full(len(ids), SIZE), np.full(len(ids), SIZE)], axis=1)
    return Recording(name, TrackBoxes.of(frame, ids, ltwh), f"{name}.txt", frames, fps)


TRUTH = {
    "a": camera("a", {1: range(0, 100), 2: range(0, 100)}),
    "b": camera("b", {1: range(100, 200), 3: range(0, 100)}),
}
LOCAL = {  # person 1 is track 101 in a, 201 in b; person 2 is 102; person 3 is 203
    "a": camera("a", {101: range(0, 100), 102: range(0, 100)}),
    "b": camera("b", {201: range(100, 200), 203: range(0, 100)}),
}


def scored(
    predicted: Cameras, identities: dict[tuple[str, int], int] | None, truth: Cameras = TRUTH
) -> MultiCameraScores:
    run = Recordings(Path("run"), predicted, are_ids_local=True, identities=identities)
    return evaluate_cameras(truth, predicted, global_ids_of(run))


def test_everything_right() -> None:
    result = scored(LOCAL, {("a", 101): 5, ("b", 201): 5, ("a", 102): 6, ("b", 203): 7})
    together = result.together.values()
    assert together["HOTA"] == together["IDF1"] == together["MOTA"] == 1
    assert (result.links.true, result.links.predicted, result.links.right) == (1, 1, 1)
    assert together["returns"]["all"]["returns"] == 0  # person 1 goes straight from a to b


def test_without_identities_nobody_is_linked() -> None:
    """Each camera alone is perfect; over both, half of person 1 has the wrong identity."""
    result = scored(LOCAL, None)
    assert [one.values()["IDF1"] for one in result.cameras.values()] == [1, 1]
    assert result.together.values()["IDF1"] == pytest.approx(300 / 400)
    # matches of person 1 have 100 / (200 + 100 - 100), the other 200 have 1
    assert result.together.values()["AssA"] == pytest.approx((200 * 0.5 + 200) / 400)
    values = result.links.values()
    assert (values["recall"], values["precision"], values["true"]) == (0, None, 1)


def test_a_wrong_link() -> None:
    result = scored(LOCAL, {("a", 101): 5, ("b", 203): 5, ("b", 201): 8})
    values = result.links.values()
    assert (values["recall"], values["precision"]) == (0, 0)
    assert result.links_by_cameras["a", "b"] == result.links
    assert result.together.values()["IDF1"] == pytest.approx(300 / 400)


def test_return_over_cameras() -> None:
    """Person 1 leaves a at 5 s and is back in b at 15 s."""
    truth = {"a": camera("a", {1: range(0, 50)}), "b": camera("b", {1: range(150, 200)})}
    found = {"a": camera("a", {101: range(0, 50)}), "b": camera("b", {301: range(150, 200)})}
    for identities, kept in (({("a", 101): 5, ("b", 301): 5}, 1), ({("a", 101): 5, ("b", 301): 6}, 0)):
        returns = scored(found, identities, truth).together.values()["returns"]
        assert (returns["10-60 s"]["returns"], returns["10-60 s"]["kept"]) == (1, kept)


def test_names_of_cameras_do_not_matter() -> None:
    identities = {("a", 101): 5, ("b", 201): 5}
    swap = {"a": "z", "b": "a"}
    moved = [{swap[name]: replace(one, name=swap[name]) for name, one in cameras.items()} for cameras in (TRUTH, LOCAL)]
    renamed = {(swap[name], track): one for (name, track), one in identities.items()}
    first, second = scored(LOCAL, identities), scored(moved[1], renamed, moved[0])
    values, others = first.together.values(), second.together.values()
    assert values.pop("returns") == others.pop("returns")
    assert values == pytest.approx(others)
    assert first.links == second.links


def test_fragments_count_as_pairs() -> None:
    """Person 1 is two tracklets in a: both should be linked with b, one is."""
    truth = {"a": camera("a", {1: range(0, 100)}), "b": camera("b", {1: range(100, 200)})}
    found = {"a": camera("a", {101: range(0, 60), 201: range(60, 100)}), "b": camera("b", {1: range(100, 200)})}
    values = scored(found, {("a", 101): 5, ("b", 1): 5}, truth).links.values()
    assert (values["true"], values["right"], values["recall"], values["precision"]) == (2, 1, 0.5, 1)


def test_global_ids() -> None:
    text = Recordings(Path("text"), LOCAL)
    assert global_ids_of(text)["a"].tolist() == LOCAL["a"].boxes.track_id.tolist()
    local = global_ids_of(text, are_ids_local=True)
    assert not set(local["a"].tolist()) & set(local["b"].tolist())
    partly = global_ids_of(Recordings(Path("run"), LOCAL, True, {("a", 101): 0, ("b", 201): 0}))
    assert len(set(partly["a"].tolist()) | set(partly["b"].tolist())) == 3


def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(FormatError, match=r"names track 9 of camera a, which is not in a\.txt"):
        scored(LOCAL, {("a", 9): 1})
    with pytest.raises(FormatError, match=r"identity 5 is in frame 1 .* of camera a 2 times, as tracks 101, 102"):
        scored(LOCAL, {("a", 101): 5, ("a", 102): 5})
    with pytest.raises(FormatError, match="the truth has a, b; the prediction has a"):
        evaluate_cameras(TRUTH, {"a": LOCAL["a"]}, {})


def test_length_is_that_of_the_longest_camera() -> None:
    truth = {name: replace(one, frames=None) for name, one in TRUTH.items()}
    ghost = camera("a", {150: range(190, 200)})
    both = TrackBoxes.of(*(np.concatenate([getattr(one.boxes, name) for one in (LOCAL["a"], ghost)])
                           for name in ("frame", "track_id", "ltwh")))  # fmt: skip
    result = scored({**LOCAL, "a": replace(LOCAL["a"], boxes=both)}, None, truth)
    assert result.cameras["a"].clear.fp == 10


def test_who_is_found_again_while_shown_as_hidden_is_where_they_are_seen() -> None:
    """Track 104 goes on from frame 40, while 101 is still shown, hidden, until 47; they are one person."""
    seen, again = camera("a", {101: range(0, 48)}), camera("a", {104: range(40, 100)})
    boxes = [one.boxes for one in (seen, again)]
    ltwh = np.concatenate([boxes[0].ltwh, np.repeat(boxes[0].ltwh[:1], 60, axis=0)])
    score = np.concatenate([np.where(np.arange(48) < 40, 0.9, 0.0), np.full(60, 0.9)])
    frame, ids = (np.concatenate([getattr(one, name) for one in boxes]) for name in ("frame", "track_id"))
    found = {"a": Recording("a", TrackBoxes.of(frame, ids, ltwh, score=score), "a.txt", 200, 10.0)}
    truth = {"a": camera("a", {1: range(0, 100)})}
    scores = scored(found, {("a", 101): 7, ("a", 104): 7}, truth)
    assert scores.together.values()["IDF1"] == 1.0
    assert scores.together.values()["MOTA"] == 1.0
    both_seen = {"a": Recording("a", TrackBoxes.of(frame, ids, ltwh, score=0.9), "a.txt", 200, 10.0)}
    with pytest.raises(FormatError, match="nobody can be in two places at once"):
        scored(both_seen, {("a", 101): 7, ("a", 104): 7}, truth)
