"""Linking against a gallery, on random scenes: what never happens, and who keeps a number."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mdpr.errors import ConfigError
from mdpr.pipeline.linking.knowing import link_known
from mdpr.pipeline.linking.runs import CameraStart, RunFolder
from mdpr.pipeline.store import (
    ConflictError,
    Correction,
    CorrectionKind,
    EmbeddingModel,
    MemoryStore,
    OtherModelError,
    Revision,
    TrackletKey,
)
from mdpr.trackers.crosscamera import Cameras, LinkConfig, Topology
from simulated_tracklets import World, make_tracklet, score, simulate

NOON = 1_760_000_000.0


def folder(name, tracklets, begun_s=NOON, model="model-1", known_from="run"):
    cameras = {one.camera: CameraStart("", begun_s, known_from) for one in tracklets}
    dimension = tracklets[0].embeddings.shape[1]
    return RunFolder(name, Path(name), EmbeddingModel(model, dimension), cameras, tracklets, begun_s)


def put(store, *runs, topology=None):
    return link_known(store, runs, LinkConfig(), Cameras(topology or Topology()), lambda _run, _new: {})


def parts_of(simulated, count):
    """Simulated people in `count` runs that follow each other."""
    ends = np.quantile([one.start_s for one in simulated.sightings], np.linspace(0, 1, count + 1))[1:-1]
    place = np.searchsorted(ends, [one.start_s for one in simulated.sightings])
    return [
        [one.tracklet for one, here in zip(simulated.sightings, place.tolist(), strict=True) if here == number]
        for number in range(count)
    ]


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
@example(6867)  # two parts of a track are joined by hand
def test_no_identity_overlaps_itself_and_corrections_hold(seed):
    """Random walks in several runs, and random corrections in between."""
    rng = np.random.default_rng(seed)
    spread = rng.choice([0.1, 0.5, 3.0])
    store = MemoryStore()
    number = itertools.count(1)
    for run in range(3):
        tracklets = []
        for _ in range(int(rng.integers(2, 12))):
            begin = rng.uniform(0, 60)
            rows = rng.standard_normal((int(rng.integers(1, 6)), 8)) * spread + np.eye(8)[int(rng.integers(2))]
            tracklets.append(
                make_tracklet(f"c{rng.integers(3)}", next(number), begin, begin + rng.uniform(0, 30), rows)
            )
        put(store, folder(f"r{run}", tracklets, NOON + 300 * run))
        keys = [record.key for record in store.tracklets()]
        for _ in range(3):
            a, b = (keys[place] for place in rng.choice(len(keys), 2, replace=False))
            try:
                store.correct(Correction(list(CorrectionKind)[int(rng.integers(2))], a, b, "tester"))
            except ConflictError:
                continue
    put(store, folder("last", [make_tracklet("c0", 999, 0, 5, np.eye(8)[:1])], NOON + 3000))
    store.check()
    records = {record.key: record for record in store.tracklets()}
    assert all(record.identity is not None for record in records.values())
    for identity in store.identities():
        for a, b in itertools.combinations(identity.members, 2):
            one, two = records[a].tracklet, records[b].tracklet
            if a[:2] == b[:2]:
                assert one.end_frame < two.start_frame or two.end_frame < one.start_frame
    for said in store.corrections():
        is_one = records[said.a].identity == records[said.b].identity
        assert is_one == (said.kind is CorrectionKind.MUST_LINK)


@pytest.mark.slow
def test_run_by_run_is_nearly_as_good_as_all_at_once():
    simulated = simulate(World(people=12, cameras=3, visits=4, day_s=2000))
    store = MemoryStore()
    for number, tracklets in enumerate(parts_of(simulated, 4)):
        answer = put(store, folder(f"r{number}", tracklets, NOON))
    found = {TrackletKey("run", key.camera, key.track_id): one for key, one in answer.number.items()}
    assert score(found, simulated).idf1 > 0.95
    numbers = [event.identity for event in store.events() if event.kind == "assign" and event.before is None]
    assert len(set(numbers)) <= 12 + 3


def test_who_has_a_name_keeps_the_number_and_is_never_joined_with_another_name():
    rng = np.random.default_rng(1)
    alike = np.eye(16)[0] + 0.05 * rng.standard_normal((6, 16))
    first = [make_tracklet("a", 1, 0, 5, alike[:2]), make_tracklet("b", 2, 20, 25, alike[2:4])]
    store = MemoryStore()
    put(store, folder("r0", first))
    keys = [record.key for record in store.tracklets()]
    one, two = store.reserve(2)
    store.revise(Revision("tester", {keys[0]: one, keys[1]: two}))
    store.rename(one, "Ann", "tester")
    store.rename(two, "Bob", "tester")
    put(store, folder("r1", [make_tracklet("a", 3, 0, 5, alike[4:])], NOON + 300))
    owner = {key: person.number for person in store.identities() for key in person.members}
    assert (owner[keys[0]], owner[keys[1]]) == (one, two)


def test_times_of_runs_are_compared_only_where_they_are_known():
    topology = Topology.parse({"a -> b": "100..200 s", "b -> a": "100..200 s"})
    rows = np.eye(8)[:1] + 0.01
    for known_from, people in (("run", 1), ("file", 2)):
        store = MemoryStore()
        others = [make_tracklet("a", 10 + n, 50 * n, 50 * n + 9, np.roll(rows, n + 1, axis=1)) for n in range(4)]
        put(store, folder("r0", [make_tracklet("a", 1, 0, 5, rows), *others], known_from=known_from))
        late = [make_tracklet("b", 1, 0, 5, rows), make_tracklet("a", 9, 700, 705, np.roll(rows, 7, axis=1))]
        put(store, folder("r1", late, NOON + 30, known_from=known_from), topology=topology)
        owner = {key: person.number for person in store.identities() for key in person.members}
        assert len({owner["r0", "a", 1, 0], owner["r1", "b", 1, 0]}) == people, known_from


def test_what_does_not_fit_is_refused_and_changes_nothing():
    store = MemoryStore()
    tracklets = [make_tracklet("a", 1, 0, 5, np.eye(8)[:2])]
    put(store, folder("r0", tracklets))
    before = store.identities(), [run.name for run in store.runs()], store.events()
    with pytest.raises(OtherModelError, match="re-embed"):
        put(store, folder("r1", tracklets, model="model-2"))
    with pytest.raises(ConfigError, match="no run"):
        put(store, folder("r1", tracklets, 0.0))
    with pytest.raises(ConfigError, match="cellar"):
        put(store, folder("r0", tracklets), topology=Topology.parse({"a -> cellar": "5..40 s"}))
    assert (store.identities(), [run.name for run in store.runs()], store.events()) == before
