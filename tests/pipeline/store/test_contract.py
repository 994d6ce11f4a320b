"""What `Store` promises, held by every kind of store. A new kind passes these tests unchanged; see STORES."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from galleries import MODEL, NOON, FakeClock, make_record, make_run, make_tracklet, people, same_tracklet, unit_rows
from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.store import (
    ConflictError,
    Correction,
    EmbeddingModel,
    Filters,
    Forgotten,
    Link,
    Match,
    OtherModelError,
    Retention,
    Revision,
    Run,
    RunCamera,
    Search,
    Store,
    TrackletKey,
    TrackletRecord,
    UnknownError,
    Verdict,
    query_hash,
)


def assign(store: Store, *groups: list[TrackletKey]) -> list[int]:
    """Make an identity of each group; returns their numbers."""
    numbers = store.reserve(len(groups))
    members = {key: number for number, keys in zip(numbers, groups, strict=True) for key in keys}
    store.revise(Revision("linker", members))
    return numbers


def members_of(store: Store) -> dict[int, tuple[TrackletKey, ...]]:
    return {identity.number: identity.members for identity in store.identities()}


def everything(store: Store) -> tuple[object, ...]:
    """All that can be seen of a store, to tell whether something has changed."""
    return (
        [(record.key, record.identity, store.crops(record.key)) for record in store.tracklets()],
        store.runs(),
        store.identities(),
        store.links(),
        store.corrections(),
        store.events(),
        store.searches(),
        store.model,
        store.revision,
        store.stats(),
    )


def test_an_empty_store(store: Store) -> None:
    assert (store.runs(), store.cameras(), store.tracklets(), store.identities(), store.links()) == ([], [], [], [], [])
    assert (store.events(), store.corrections(), store.searches(), store.model, store.revision) == ([], [], [], None, 0)
    assert store.nearest(np.zeros((3, 5), np.float32), 2) == [[], [], []]
    assert store.retention == Retention(None, None)
    assert store.stats().tracklets == 0
    assert store.stats().first_s is None
    store.check()


def test_what_is_put_comes_out(store: Store) -> None:
    store.add_run(make_run())
    crops = (b"\xff\xd8 first", b"")
    records = [
        make_record(camera="hall", track_id=3),
        make_record(camera="door", track_id=10, crops=crops),
        make_record(camera="door", track_id=2, embeddings=np.zeros((1, 8))),
        make_record(camera="door", track_id=2, part=1, embeddings=np.empty((3, 0))),
    ]
    assert store.put(records) == 4
    stored = store.tracklets()
    assert [str(record.key) for record in stored] == [
        "monday/door/2",
        "monday/door/2.1",
        "monday/door/10",
        "monday/hall/3",
    ]
    for got, put in zip(stored, (records[2], records[3], records[1], records[0]), strict=True):
        assert same_tracklet(got.tracklet, put.tracklet)
        assert got.identity is None
    assert store.crops(records[1].key) == crops
    assert store.crops(records[0].key) == (b"", b"")
    assert store.model == MODEL
    with pytest.raises(UnknownError, match="monday/door/99"):
        store.crops(TrackletKey("monday", "door", 99))


def test_a_run_comes_out(store: Store) -> None:
    cameras = {"hall": RunCamera("rtsp://hall", NOON + 1.25), "Tür/2": RunCamera("door.mp4", NOON - 7.0)}
    run = Run("monday", NOON, MODEL, cameras, {"sources": ["a", "b"], "detector": {"conf": 0.25, "name": None}})
    store.add_run(run)
    store.add_run(make_run("tuesday"))
    assert store.runs() == [run, make_run("tuesday")]
    assert list(store.runs()[0].cameras) == ["hall", "Tür/2"]


def test_the_same_again_changes_nothing(store: Store) -> None:
    store.add_run(make_run())
    record = make_record(crops=(b"one", b"two"))
    assert store.put([record, record]) == 1
    before = everything(store)
    store.add_run(make_run())
    assert store.put([record]) == 0
    assert everything(store) == before
    store.add_run(dataclasses.replace(make_run("x"), config={"sources": ("a",)}))
    store.add_run(dataclasses.replace(make_run("x"), config={"sources": ("a",)}))  # JSON knows no tuples


def test_crops_that_were_lacking_are_added(store: Store) -> None:
    store.add_run(make_run())
    store.put([make_record()])
    key = make_record().key
    store.put([make_record(crops=(b"", b"two"))])
    assert store.crops(key) == (b"", b"two")
    store.put([make_record(crops=(b"one", b"other"))])
    assert store.crops(key) == (b"one", b"two")


def test_put_is_all_or_nothing(store: Store) -> None:
    store.add_run(make_run())
    store.put([make_record(track_id=1)])
    before = everything(store)
    good = make_record(track_id=2)
    for bad, error in [
        (make_record(track_id=1, seed=5), ConflictError),
        (make_record("tuesday"), UnknownError),
        (make_record(camera="garden"), UnknownError),
        (make_record(track_id=3, embeddings=unit_rows(np.random.default_rng(0), 2, 7)), FormatError),
        (make_record(track_id=3, embeddings=1.5 * unit_rows(np.random.default_rng(0), 2)), FormatError),
        (make_record(track_id=3, embeddings=np.full((1, 8), np.nan)), FormatError),
        (make_record(track_id=3, part=-1), FormatError),
    ]:
        with pytest.raises(error):
            store.put([good, bad])
        assert everything(store) == before
    assert store.nearest(good.tracklet.embeddings, 5)[0][0].key == make_record(track_id=1).key


def test_a_record_belongs_to_its_tracklet() -> None:
    with pytest.raises(FormatError, match="holds tracklet 1 of 'hall'"):
        TrackletRecord(TrackletKey("monday", "door", 1), make_tracklet())
    with pytest.raises(FormatError, match="expected a crop for each of its 2 views"):
        make_record(crops=(b"one",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "mon/day"}, "without slash"),
        ({"name": ""}, "without slash"),
        ({"cameras": {}}, "at least one camera"),
        ({"config": {"conf": float("nan")}}, "cannot be written as JSON"),
        ({"config": {"conf": object()}}, "cannot be written as JSON"),
        ({"started_s": 12.0}, "1970-01-01 00:00:12 UTC: expected a wall time after 2000"),
        ({"started_s": float("nan")}, "expected a wall time after 2000"),
        ({"started_s": NOON + 5 * 86400}, "one of the two clocks is wrong"),
        ({"cameras": {"hall": RunCamera("a", NOON + 5 * 86400)}}, "camera hall starts at 2025-10-14"),
        ({"model": EmbeddingModel("", 8)}, "need the name of their model"),
    ],
)
def test_a_run_that_is_refused(store: Store, change: dict[str, object], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        store.add_run(dataclasses.replace(make_run(), **change))
    assert store.runs() == []


def test_two_runs_of_one_name(store: Store) -> None:
    store.add_run(make_run())
    with pytest.raises(ConflictError, match="Give it another name"):
        store.add_run(make_run(start_s=NOON + 1))
    assert store.runs() == [make_run()]


def test_a_run_may_get_cameras(store: Store) -> None:
    """A camera that was not there when its run began; told in any order, all of them stay."""
    few, many = make_run(cameras=("hall",)), make_run(cameras=("hall", "door", "yard"))
    many = dataclasses.replace(many, config={"started_from": {"hall": "clock", "door": "clock"}})
    store.add_run(few)
    store.add_run(make_run("tuesday"))
    store.put([make_record(camera="hall")])
    store.add_run(many)
    assert store.runs() == [many, make_run("tuesday")]
    store.put([make_record(camera="door")])
    store.add_run(few)
    assert store.runs() == [many, make_run("tuesday")]
    assert [str(one.key) for one in store.tracklets()] == ["monday/door/1", "monday/hall/1"]
    moved = dataclasses.replace(few, cameras={"hall": RunCamera("hall.mp4", NOON + 1)})
    begun = dataclasses.replace(few, started_s=NOON + 1)
    embedded = dataclasses.replace(few, model=EmbeddingModel("", 0))
    for other in (moved, begun, embedded, make_run(cameras=("door", "gate"))):
        with pytest.raises(ConflictError, match="Give it another name"):
            store.add_run(other)
    assert store.runs() == [many, make_run("tuesday")]


def test_embeddings_of_another_model(store: Store) -> None:
    people(store, ("hall", 0, 9))
    other = make_run("tuesday", model=EmbeddingModel("mdpr-test-2", 8))
    with pytest.raises(OtherModelError) as caught:
        store.add_run(other)
    for word in ("mdpr-test-1", "mdpr-test-2", "mdpr-track ... --reid", "re-embed", "another --gallery"):
        assert word in str(caught.value)
    store.add_run(make_run("blind", model=EmbeddingModel("", 0)))
    store.put([make_record("blind", embeddings=np.empty((2, 0)))])
    assert store.model == MODEL
    store.forget("me", before_s=NOON + 10_000)
    assert store.model is None
    store.add_run(other)


def test_the_first_embeddings_decide(store: Store) -> None:
    store.add_run(make_run("monday"))
    store.add_run(make_run("tuesday", model=EmbeddingModel("mdpr-test-2", 8)))
    store.put([make_record("tuesday")])
    with pytest.raises(OtherModelError, match="run monday has embeddings of mdpr-test-1"):
        store.put([make_record("monday")])
    assert len(store.tracklets()) == 1


def test_filters(store: Store) -> None:
    hall, door, late = people(store, ("hall", 0, 100), ("door", 50, 200), ("hall", 300, 400))
    (other,) = people(store, ("hall", 0, 9), run="tuesday")
    (number,) = assign(store, [hall, door])
    for filters, expected in [
        (Filters(), {hall, door, late, other}),
        (Filters(runs=("tuesday",)), {other}),
        (Filters(cameras=("door", "garden")), {door}),
        (Filters(cameras=()), set()),
        (Filters(identities=(number,)), {hall, door}),
        (Filters(identities=(number + 1,)), set()),
        (Filters(since_s=NOON + 10.0), {hall, door, late}),
        (Filters(since_s=NOON + 10.01), {door, late}),
        (Filters(until_s=NOON + 5.0), {hall, door, other}),
        (Filters(until_s=NOON + 4.99), {hall, other}),
        (Filters(since_s=NOON + 10.01, until_s=NOON + 20, runs=("monday",)), {door}),
        (Filters(without=(hall, other)), {door, late}),
    ]:
        assert {record.key for record in store.tracklets(filters)} == expected, filters
        query = np.eye(1, 8, dtype=np.float32)
        assert {match.key for match in store.nearest(query, 9, filters)[0]} == expected, filters


@pytest.mark.parametrize("group", ["view", "tracklet", "identity"])
def test_nearest_equals_a_naive_search(store: Store, group: str) -> None:
    rng = np.random.default_rng(7)
    store.add_run(make_run())
    records = [
        make_record(camera=rng.choice(["hall", "door"]), track_id=n, embeddings=unit_rows(rng, int(rng.integers(1, 6))))
        for n in range(1, 60)
    ]
    store.put(records[:40])
    store.nearest(unit_rows(rng, 1), 1)  # what comes after it is added to what it keeps
    store.put(records[40:])
    keys = [record.key for record in records]
    numbers = store.reserve(12)
    for key in keys[:45]:  # one by one: each may overlap with those that are there
        try:
            store.revise(Revision("linker", {key: numbers[int(rng.integers(12))]}))
        except ConflictError:
            continue
    identity = {record.key: record.identity for record in store.tracklets()}
    assert len({number for number in identity.values() if number}) > 5
    queries = unit_rows(rng, 5)
    for filters in (Filters(), Filters(cameras=("door",)), Filters(without=tuple(keys[3:9]))):
        wanted = {record.key for record in store.tracklets(filters)}
        for query, found in zip(queries, store.nearest(queries, 7, filters, group), strict=True):
            ranked = sorted(
                (-float(row @ query), record.key, view)
                for record in records
                if record.key in wanted
                for view, row in enumerate(record.tracklet.embeddings)
            )
            seen: set[object] = set()
            expected = []
            for negative, key, view in ranked:
                groups = {"view": (key, view), "tracklet": key, "identity": identity[key] or key}
                if groups[group] not in seen:
                    seen.add(groups[group])
                    expected.append(Match(key, view, identity[key], -negative))
            assert [m[:3] for m in map(dataclasses.astuple, found)] == [
                m[:3] for m in map(dataclasses.astuple, expected[:7])
            ]
            np.testing.assert_allclose([m.similarity for m in found], [m.similarity for m in expected[:7]], atol=1e-6)


def test_nearest_at_the_edges(store: Store) -> None:
    store.add_run(make_run())
    row, nothing = np.eye(1, 8), np.zeros((1, 8))
    store.put([make_record(track_id=n, embeddings=np.concatenate([nothing, row])) for n in (3, 1, 2)])
    store.put([make_record(track_id=4, embeddings=nothing), make_record(track_id=5, embeddings=np.empty((1, 0)))])
    query = np.concatenate([row, nothing]).astype(np.float32)
    first, second = store.nearest(query, 2)
    assert [(match.key.track_id, match.view, match.similarity) for match in first] == [(1, 1, 1.0), (2, 1, 1.0)]
    assert second == []
    assert len(store.nearest(query, 99)[0]) == 3
    assert store.nearest(query, 0) == [[], []]
    assert store.nearest(query[:0], 3) == []
    with pytest.raises(FormatError, match="expected embeddings"):
        store.nearest(np.zeros((1, 7), np.float32), 1)
    with pytest.raises(ConfigError, match="expected a group of"):
        store.nearest(query, 1, group="person")  # type: ignore[arg-type]


def test_ties_within_an_identity_do_not_crowd_out_others(store: Store) -> None:
    store.add_run(make_run())
    same, other = np.eye(8)[:1], np.array([[0.6, 0.8, 0, 0, 0, 0, 0, 0]])
    store.put([make_record(track_id=n, frames=(10 * n, 10 * n + 5), embeddings=same) for n in (3, 2, 1)])
    store.put([make_record(track_id=9, frames=(200, 205), embeddings=other)])
    keys = [record.key for record in store.tracklets()]
    (number,) = assign(store, keys[:3])
    found = store.nearest(same.astype(np.float32), 2, group="identity")[0]
    assert [(match.key, match.identity) for match in found] == [(keys[0], number), (keys[3], None)]


def test_identities_follow_revisions(store: Store) -> None:
    a, b, c = people(store, ("hall", 0, 9), ("door", 20, 29), ("hall", 40, 49))
    first, second = store.reserve(2)
    assert store.identities() == []
    link = Link(b, a, Verdict.PROBABLE, {"similarity": 0.71, "runner_up": {"identity": 4, "similarity": 0.5}})
    assert store.revise(Revision("linker", {a: first, b: first, c: second}, (link,))) == 1
    assert store.revision == 1
    people_now = store.identities()
    assert [(one.number, one.name, one.members) for one in people_now] == [(first, "", (b, a)), (second, "", (c,))]
    assert (people_now[0].first_s, people_now[0].last_s) == (NOON, NOON + 2.9)
    assert {record.key: record.identity for record in store.tracklets()} == {a: first, b: first, c: second}
    assert store.links() == store.links(first) == [link]
    assert store.links(second) == []
    assert (link.a, link.b) == (b, a)  # in order of keys: door before hall
    assert store.nearest(np.eye(1, 8, dtype=np.float32), 9)[0][0].identity in (first, second)
    assert store.revise(Revision("linker", {c: first})) == 2
    assert members_of(store) == {first: (b, a, c)}
    assert {match.identity for match in store.nearest(np.eye(1, 8, dtype=np.float32), 9)[0]} == {first}
    assert store.revise(Revision("linker", {b: None, c: second})) == 3
    assert members_of(store) == {first: (a,), second: (c,)}
    assert store.links() == []  # it joined what is apart now


def test_every_decision_is_an_event(store: Store, clock: FakeClock) -> None:
    a, b, c = people(store, ("hall", 0, 9), ("door", 20, 29), ("hall", 40, 49))
    first, second = store.reserve(2)
    weak, strong = (Link(a, b, verdict, {"similarity": 0.5}) for verdict in (Verdict.AMBIGUOUS, Verdict.CERTAIN))
    apart = Link(b, c, Verdict.PROBABLE, {"constraint": "travel time"}, is_joined=False)
    store.revise(Revision("linker", {a: first, b: first, c: second}, (weak, apart)))
    clock.time_s -= 7200  # the clock is set back: the order of events stays
    store.revise(Revision("linker", links=(strong,)))
    store.revise(Revision("Ann", {b: second}))
    told = [
        (event.revision, event.author, str(event.kind), event.key, event.other, event.before, event.identity)
        for event in store.events()
    ]
    assert told == [
        (1, "linker", "assign", b, None, None, first),
        (1, "linker", "assign", a, None, None, first),
        (1, "linker", "assign", c, None, None, second),
        (1, "linker", "link", b, a, None, first),
        (1, "linker", "link", b, c, None, first),
        (2, "linker", "link", b, a, None, first),
        (3, "Ann", "assign", b, None, first, second),
        (3, "Ann", "unlink", b, a, None, first),
        (3, "Ann", "unlink", b, c, None, first),
    ]
    numbers = [event.number for event in store.events()]
    assert numbers == sorted(set(numbers))
    assert store.events()[3].detail == {"verdict": "ambiguous", "is_joined": True, "reasons": {"similarity": 0.5}}
    assert [event.number for event in store.events(after=numbers[5])] == numbers[6:]
    assert [event.number for event in store.events(key=a)] == [numbers[i] for i in (1, 3, 5, 7)]
    assert [event.number for event in store.events(identity=second)] == [numbers[i] for i in (2, 6)]
    assert [event.at_s for event in store.events()][5:7] == [NOON - 3600] * 2
    with pytest.raises(UnknownError):
        store.events(key=TrackletKey("monday", "hall", 99))


def test_a_revision_that_changes_nothing_is_no_event(store: Store) -> None:
    a, b = people(store, ("hall", 0, 9), ("door", 20, 29))
    link = Link(a, b, Verdict.CERTAIN, {"similarity": 0.9})
    (number,) = store.reserve(1)
    revision = Revision("linker", {a: number, b: number}, (link,))
    store.revise(revision)
    before = everything(store)
    assert store.revise(revision) == 1
    assert store.revise(Revision("linker")) == 1
    assert everything(store) == before


def test_links_can_be_dropped_and_must_be_true(store: Store) -> None:
    a, b, c = people(store, ("hall", 0, 9), ("door", 20, 29), ("hall", 40, 49))
    (number,) = assign(store, [a, b])
    link = Link(a, b, Verdict.CERTAIN)
    store.revise(Revision("linker", links=(link,)))
    store.revise(Revision("linker", unlink=((a, b),)))
    assert store.links() == []
    assert store.events()[-1].kind == "unlink"
    before = everything(store)
    for wrong in (Link(a, c, Verdict.CERTAIN), Link(a, b, Verdict.CERTAIN, is_joined=False)):
        with pytest.raises(ConflictError, match="which it contradicts"):
            store.revise(Revision("linker", links=(wrong,)))
    with pytest.raises(FormatError, match="JSON"):
        store.revise(Revision("linker", links=(Link(a, b, Verdict.CERTAIN, {"similarity": float("inf")}),)))
    assert everything(store) == before
    store.revise(Revision("linker", {c: None}, (Link(a, c, Verdict.AMBIGUOUS, is_joined=False),)))
    store.revise(Revision("linker", {c: number}))
    assert store.links() == []  # it said that they are two people


@pytest.mark.parametrize(("start", "fits"), [(9, False), (10, True), (0, False), (5, False)])
def test_nobody_is_twice_in_one_camera(store: Store, start: int, fits: bool) -> None:
    a, b = people(store, ("hall", 0, 9), ("hall", start, start + 30))
    (number,) = assign(store, [a])
    before = everything(store)
    if fits:
        store.revise(Revision("linker", {b: number}))
        assert members_of(store) == {number: (a, b)}
    else:
        with pytest.raises(ConflictError, match=f"identity {number} cannot hold both"):
            store.revise(Revision("linker", {b: number}))
        assert everything(store) == before


def test_a_long_tracklet_overlaps_behind_a_short_one(store: Store) -> None:
    long, short, later = people(store, ("hall", 0, 100), ("hall", 10, 20), ("hall", 50, 60))
    with pytest.raises(ConflictError):
        assign(store, [long, later])
    door, hall = people(store, ("door", 0, 100), ("hall", 0, 100), run="tuesday")
    assign(store, [long, door, hall])  # another camera, another run
    assign(store, [short, later])


def test_members_may_change_places_in_one_revision(store: Store) -> None:
    a, b = people(store, ("hall", 0, 9), ("hall", 5, 20))
    first, second = assign(store, [a], [b])
    store.revise(Revision("linker", {a: second, b: first}))
    assert members_of(store) == {first: (b,), second: (a,)}


def test_unknown_names(store: Store) -> None:
    (a,) = people(store, ("hall", 0, 9))
    nobody = TrackletKey("monday", "hall", 77)
    (number,) = store.reserve(1)
    for revision in (
        Revision("linker", {nobody: number}),
        Revision("linker", {a: number + 1}),
        Revision("linker", links=(Link(a, nobody, Verdict.CERTAIN),)),
        Revision("linker", unlink=((a, nobody),)),
    ):
        with pytest.raises(UnknownError, match="is not in the store"):
            store.revise(revision)
    with pytest.raises(UnknownError):
        store.rename(number + 1, "Ann", "me")
    with pytest.raises(UnknownError):
        store.forget("me", identity=number + 1)
    with pytest.raises(UnknownError):
        store.forget("me", keys=[nobody])
    with pytest.raises(UnknownError):
        store.correct(Correction("must-link", a, nobody, "me"))  # type: ignore[arg-type]
    with pytest.raises(UnknownError):
        store.record_search(Search("me", "abc", Filters(), (Match(nobody, 0, None, 0.5),)))
    assert store.events() == []
    assert store.searches() == []


def test_a_decision_on_what_has_changed_is_refused(store: Store) -> None:
    a, b = people(store, ("hall", 0, 9), ("door", 20, 29))
    first, second = store.reserve(2)
    seen = store.revision
    store.revise(Revision("online", {a: first}, based_on=seen))
    with pytest.raises(ConflictError, match="the store moved on"):
        store.revise(Revision("offline", {a: second, b: second}, based_on=seen))
    store.revise(Revision("offline", {b: first}, based_on=store.revision))
    assert members_of(store) == {first: (b, a)}


def test_names(store: Store) -> None:
    a, b = people(store, ("hall", 0, 9), ("door", 20, 29))
    first, second = assign(store, [a], [b])
    store.rename(first, "Ann", "me")
    store.rename(first, "Ann", "me")
    with pytest.raises(ConflictError, match=f"identity {first} is named 'Ann'"):
        store.rename(second, "Ann", "me")
    store.revise(Revision("me", {a: second}))
    assert [(one.number, one.name, len(one.members)) for one in store.identities()] == [
        (first, "Ann", 0),
        (second, "", 2),
    ]
    store.rename(first, "", "me")
    store.rename(second, "Ann", "me")
    store.rename(second, "", "me")
    assert [(one.number, one.name) for one in store.identities()] == [(second, "")]
    naming = [(event.identity, event.detail) for event in store.events() if event.kind == "name"]
    assert naming == [
        (first, {"name": "Ann", "before": ""}),
        (first, {"name": "", "before": "Ann"}),
        (second, {"name": "Ann", "before": ""}),
        (second, {"name": "", "before": "Ann"}),
    ]


def must(a: TrackletKey, b: TrackletKey, note: str = "") -> Correction:
    return Correction("must-link", a, b, "Ann", note)  # type: ignore[arg-type]


def cannot(a: TrackletKey, b: TrackletKey) -> Correction:
    return Correction("cannot-link", a, b, "Ann")  # type: ignore[arg-type]


def told(store: Store) -> list[tuple[str, TrackletKey, TrackletKey]]:
    return [(str(one.kind), one.a, one.b) for one in store.corrections()]


def test_corrections_bind(store: Store) -> None:
    a, b, c = people(store, ("hall", 0, 9), ("hall", 20, 29), ("hall", 40, 49))
    first, second = store.reserve(2)
    store.correct(cannot(b, a))
    store.correct(must(b, c, "same coat"))
    assert told(store) == [("cannot-link", a, b), ("must-link", b, c)]
    assert store.corrections()[1].note == "same coat"
    assert store.corrections()[1].at_s == NOON + 3600
    with pytest.raises(ConflictError, match="cannot-link"):
        store.revise(Revision("linker", {a: first, b: first, c: first}))
    with pytest.raises(ConflictError, match="must-link"):
        store.revise(Revision("linker", {a: first, b: second}))
    store.revise(Revision("linker", {a: first, b: second, c: second}))
    with pytest.raises(ConflictError, match="must-link"):
        store.revise(Revision("linker", {c: None}))
    store.withdraw((b, a), "Ann")
    store.withdraw((c, b), "Ann")
    store.revise(Revision("linker", {b: first}))
    kinds = [(str(event.kind), event.detail.get("kind")) for event in store.events() if event.kind not in ("assign",)]
    assert kinds == [
        ("correct", "cannot-link"),
        ("correct", "must-link"),
        ("withdraw", "cannot-link"),
        ("withdraw", "must-link"),
    ]
    with pytest.raises(UnknownError, match="no correction"):
        store.withdraw((a, b), "Ann")


def test_corrections_do_not_contradict_each_other(store: Store) -> None:
    a, b, c, d = people(store, ("hall", 0, 9), ("hall", 20, 29), ("hall", 40, 49), ("hall", 45, 60))
    store.correct(must(a, b))
    store.correct(must(b, c))
    before = everything(store)
    with pytest.raises(ConflictError, match="taken together"):
        store.correct(cannot(a, c))
    with pytest.raises(ConflictError, match="nobody is twice"):
        store.correct(must(a, d))  # d overlaps with c, which is the same person as a
    store.correct(must(c, b))
    assert everything(store) == before
    store.correct(cannot(b, c))  # the other kind about the same pair replaces it
    assert told(store) == [("must-link", a, b), ("cannot-link", b, c)]
    with pytest.raises(ConflictError, match="taken together"):
        store.correct(must(a, c))
    store.correct(must(a, d))


def test_a_correction_of_what_is_wrong_now_is_taken(store: Store) -> None:
    a, b, c = people(store, ("hall", 0, 9), ("hall", 20, 29), ("door", 0, 9))
    first, second = assign(store, [a, b], [c])
    store.correct(cannot(a, b))
    assert members_of(store)[first] == (a, b)  # until somebody revises it
    store.revise(Revision("linker", {c: first}))  # others are not held up
    store.revise(Revision("linker", {b: second}))
    assert members_of(store) == {first: (c, a), second: (b,)}


def test_forgetting_a_person(store: Store) -> None:
    a, b, c, d = people(store, ("hall", 0, 9), ("door", 20, 29), ("hall", 40, 49), ("door", 60, 69))
    first, second = assign(store, [a, b], [c, d])
    store.revise(Revision("linker", links=(Link(a, b, Verdict.CERTAIN), Link(c, d, Verdict.CERTAIN))))
    store.revise(Revision("linker", links=(Link(b, c, Verdict.PROBABLE, is_joined=False),)))
    store.rename(second, "Ann", "me")  # the name was first given to another identity
    store.rename(second, "", "me")
    store.rename(first, "Ann", "me")
    store.correct(cannot(a, d))
    query = unit_rows(np.random.default_rng(0), 1)
    found = tuple(store.nearest(query, 4)[0])
    store.record_search(Search("me", query_hash(query), Filters(), found))
    gone = store.forget("the office", identity=first)
    assert (gone.tracklets, gone.views, gone.identities, gone.left) == (2, 4, 1, "")
    assert [record.key for record in store.tracklets()] == [d, c]
    assert members_of(store) == {second: (d, c)}
    assert store.links() == [Link(c, d, Verdict.CERTAIN)]
    assert store.corrections() == []
    assert {match.key for match in store.nearest(query, 9)[0]} == {c, d}
    (search,) = store.searches()
    assert (search.shown, {match.key for match in search.matches}) == (4, {c, d})
    history = store.events()
    assert not {a, b} & {key for event in history for key in (event.key, event.other)}
    assert "Ann" not in repr(history)
    assert (history[-1].kind, history[-1].author) == ("forget", "the office")
    assert history[-1].detail == {"why": f"identity {first}", "tracklets": 2, "views": 4, "identities": 1}
    assert store.runs() == [make_run()]
    assert min(store.reserve(1)) > second  # numbers are not given twice
    with pytest.raises(UnknownError):
        store.revise(Revision("linker", {c: first}))
    store.check()


def test_forgetting_by_age_and_by_key(store: Store) -> None:
    a, b, c = people(store, ("hall", 0, 100), ("door", 0, 200), ("hall", 150, 300))
    first, second = assign(store, [a, c], [b])
    store.rename(second, "Ann", "me")
    assert store.forget("me", before_s=NOON + 10.0) == Forgotten()
    assert len(store.tracklets()) == 3  # a ends exactly then
    gone = store.forget("me", before_s=NOON + 20.1)
    assert (gone.tracklets, gone.identities) == (2, 1)  # named ones too
    assert members_of(store) == {first: (c,)}
    gone = store.forget("me", keys=[c, c])
    assert (gone.tracklets, gone.identities) == (1, 1)
    assert store.identities() == []
    for wrong in ({}, {"identity": 1, "before_s": NOON}):
        with pytest.raises(ConfigError, match="exactly one"):
            store.forget("me", **wrong)


def test_corrections_outlive_their_middle(store: Store) -> None:
    a, b, c, d = people(store, *(("hall", 20 * n, 20 * n + 9) for n in range(4)))
    store.correct(must(a, b))
    store.correct(must(b, c, "that is Ann"))
    store.correct(cannot(b, d))
    store.forget("me", keys=[b])
    assert told(store) == [("must-link", a, c), ("cannot-link", a, d), ("cannot-link", c, d)]
    assert "Ann" not in [one.note for one in store.corrections()]


def test_names_without_people_do_not_stay_for_ever(store: Store, clock: FakeClock) -> None:
    a, b = people(store, ("hall", 0, 9), ("hall", 20, 29))
    first, second = assign(store, [a], [b])
    store.rename(first, "Ann", "me")
    store.revise(Revision("me", {a: second}))
    store.forget("me", before_s=clock.time_s)
    assert [one.name for one in store.identities()] == ["Ann"]
    assert store.forget("me", before_s=clock.time_s + 1).identities == 1
    assert store.identities() == []
    assert "Ann" not in repr(store.events())


def test_time_to_live(store: Store, clock: FakeClock) -> None:
    keys = people(store, ("hall", 0, 100), ("door", 0, 600))
    assert store.expire().tracklets == 0
    store.set_retention(Retention(ttl_s=3600.0))
    assert store.retention == Retention(ttl_s=3600.0)
    clock.time_s = NOON + 3600 + 10
    assert store.expire().tracklets == 0
    assert store.expire(now_s=NOON + 3600 + 10.1).tracklets == 1
    assert [record.key for record in store.tracklets()] == [keys[1]]
    assert store.events()[-1].author == "time to live"


def test_ages_are_not_told_by_a_clock_that_jumped(store: Store, clock: FakeClock) -> None:
    people(store, ("hall", 0, 100))
    store.set_retention(Retention(ttl_s=3600.0))
    clock.time_s += 10 * 365 * 86400
    clock.moved_s = 10 * 365 * 86400
    with pytest.raises(ConflictError, match=r"clock was moved by \+315360000 s .* nothing was deleted"):
        store.expire()
    assert len(store.tracklets()) == 1
    clock.moved_s = 30.0  # an ordinary correction
    assert store.expire().tracklets == 1


def test_the_size_cap_takes_the_oldest_unnamed(store: Store) -> None:
    rng = np.random.default_rng(0)
    store.add_run(make_run(cameras=("hall",)))
    crops = tuple(rng.bytes(30_000) for _ in range(20))
    records = [
        make_record(track_id=n, frames=(100 * n, 100 * n + 50), crops=crops[2 * n - 2 : 2 * n]) for n in range(1, 11)
    ]
    store.put(records)
    keys = [record.key for record in records]
    first, second, _, _ = assign(store, [keys[0], keys[8]], keys[1:3], [keys[3]], [keys[4]])
    store.rename(second, "Ann", "me")
    before = store.stats().bytes
    assert 600_000 < before < 800_000
    store.set_retention(Retention(max_bytes=before))
    assert store.expire().tracklets == 0
    store.set_retention(Retention(max_bytes=before - 150_000))
    gone = store.expire()
    assert store.stats().bytes <= before - 150_000
    left = [record.key for record in store.tracklets()]
    assert left == [keys[i] for i in (0, 1, 2, 6, 7, 8, 9)]  # 3, 4 and 5 were unseen for longest; 1 and 2 have a name
    assert (gone.tracklets, gone.identities, gone.over_bytes) == (3, 2, 0)
    store.set_retention(Retention(max_bytes=100_000))
    gone = store.expire()
    assert [record.key for record in store.tracklets()] == keys[1:3]
    assert gone.over_bytes == store.stats().bytes - 100_000 > 0
    assert first not in members_of(store)


@pytest.mark.parametrize("wrong", [{"ttl_s": 0.0}, {"ttl_s": float("nan")}, {"max_bytes": 0}])
def test_retention_that_makes_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Retention(**wrong)  # type: ignore[arg-type]


def test_the_audit_log(store: Store, clock: FakeClock) -> None:
    keys = people(store, ("hall", 0, 9), ("door", 20, 29))
    query = unit_rows(np.random.default_rng(1), 1)
    filters = Filters(cameras=("hall", "door"), until_s=NOON + 100, without=(keys[1],))
    found = tuple(store.nearest(query, 3, filters)[0])
    search = Search("Ann", query_hash(query), filters, found)
    store.record_search(search)
    clock.time_s += 1
    store.record_search(dataclasses.replace(search, who="Bob", matches=()))
    assert store.searches() == [
        dataclasses.replace(search, shown=1, at_s=NOON + 3600),
        dataclasses.replace(search, who="Bob", matches=(), shown=0, at_s=NOON + 3601),
    ]


def test_embedding_again_with_another_model(store: Store) -> None:
    rng = np.random.default_rng(3)
    a, b = people(store, ("hall", 0, 9), ("door", 20, 29))
    (number,) = assign(store, [a, b])
    store.nearest(unit_rows(rng, 1), 1)
    new = EmbeddingModel("mdpr-test-2", 5)
    rows = unit_rows(rng, 2, 5)
    before = everything(store)
    nothing = rows[:, :0]
    for wrong, error in [
        ({a: rows[:1], b: nothing}, FormatError),
        ({a: 2 * rows, b: nothing}, FormatError),
        ({a: rows, b: nothing, a._replace(part=1): rows}, UnknownError),
        ({a: rows}, ConflictError),
    ]:
        with pytest.raises(error):
            store.reembed(new, wrong)
        assert everything(store) == before
    store.reembed(new, {a: rows, b: nothing})
    assert store.model == new
    by_key = {record.key: record for record in store.tracklets()}
    np.testing.assert_array_equal(by_key[a].tracklet.embeddings, rows)
    assert by_key[b].tracklet.embeddings.shape == (2, 0)
    assert members_of(store) == {number: (b, a)}
    assert [match.key for match in store.nearest(rows[1:], 9)[0]] == [a]
    assert store.put([make_record(track_id=1, camera="hall", frames=(0, 9))]) == 0  # known from before
    with pytest.raises(OtherModelError):
        store.put([make_record(track_id=7)])
    store.add_run(make_run("tuesday", model=new))
    store.put([make_record("tuesday", embeddings=rows)])
    assert store.events()[-1].detail == {"model": "mdpr-test-2", "before": "mdpr-test-1"}
    store.reembed(MODEL, {record.key: nothing for record in store.tracklets()})
    assert store.model is None
    store.check()


def test_stats_and_cameras(store: Store) -> None:
    a, b, _ = people(store, ("hall", 0, 9), ("door", 20, 29), ("hall", 40, 49))
    people(store, ("hall", 0, 9), run="tuesday")
    store.put([make_record(crops=(b"", b"jpeg"), camera="hall", track_id=1, frames=(0, 9))])
    (number,) = assign(store, [a, b])
    store.rename(number, "Ann", "me")
    store.revise(Revision("me", links=(Link(a, b, Verdict.CERTAIN),)))
    store.correct(must(a, b))
    stats = store.stats()
    assert (stats.runs, stats.tracklets, stats.views, stats.crops, stats.identities, stats.named) == (2, 4, 8, 1, 1, 1)
    assert (stats.links, stats.events, stats.corrections, stats.searches) == (1, 5, 1, 0)
    assert (stats.first_s, stats.last_s) == (NOON, NOON + 4.9)
    assert [(one.name, one.runs, one.tracklets, one.first_s, one.last_s) for one in store.cameras()] == [
        ("door", 2, 1, NOON + 2, NOON + 2.9),
        ("hall", 2, 3, NOON, NOON + 4.9),
    ]


def test_what_comes_out_is_not_what_is_kept(store: Store) -> None:
    people(store, ("hall", 0, 9))
    (record,) = store.tracklets()
    with pytest.raises(ValueError, match="read-only"):
        record.tracklet.embeddings[:] = 0
    store.runs().clear()
    store.events().clear()
    assert len(store.runs()) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_order_of_arrival_does_not_matter(store: Store, order: tuple[int, ...]) -> None:
    store.add_run(make_run())
    records = [make_record(track_id=n, frames=(20 * n, 20 * n + 9)) for n in (1, 2, 3)]
    for place in order:
        store.put([records[place]])
    query = unit_rows(np.random.default_rng(2), 1)
    assert [record.key for record in store.tracklets()] == [record.key for record in records]
    found = store.nearest(query, 9, group="view")[0]
    similarities = {(m.key.track_id, m.view): m.similarity for m in found}
    for n, record in enumerate(records, 1):
        np.testing.assert_allclose(
            [similarities[n, 0], similarities[n, 1]], record.tracklet.embeddings @ query[0], atol=1e-6
        )
