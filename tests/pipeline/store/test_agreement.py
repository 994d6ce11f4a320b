"""Random lives of a gallery: the file and memory agree after every step, and what must never happen does not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from galleries import NOON, FakeClock, make_record, make_run, unit_rows
from mdpr.errors import MdprError
from mdpr.pipeline.store import (
    Correction,
    Filters,
    Link,
    MemoryStore,
    Retention,
    Revision,
    Search,
    SqliteStore,
    Store,
    TrackletKey,
)

Act = Callable[[Store], object]


def seen(store: Store, query: np.ndarray) -> tuple[object, ...]:
    """All that both kinds of store must agree on."""
    events = [(e.author, e.kind, e.key, e.other, e.identity, e.before, e.detail, e.revision) for e in store.events()]
    found = [
        [(m.key, m.view, m.identity) for m in matches]
        for group in ("view", "tracklet", "identity")
        for matches in store.nearest(query, 5, group=group)  # type: ignore[arg-type]
    ]
    return (
        [(r.key, r.identity, r.tracklet.embeddings.tolist(), store.crops(r.key)) for r in store.tracklets()],
        store.identities(),
        store.links(),
        store.corrections(),
        events,
        [(s.who, s.shown, [(m.key, m.view, m.identity) for m in s.matches]) for s in store.searches()],
        store.model,
        store.revision,
        store.cameras(),
        found,
    )


def random_act(rng: np.random.Generator, store: Store, step: int) -> Act:
    """Something that somebody might do next; it may well be refused."""
    keys = [record.key for record in store.tracklets()]
    numbers = [identity.number for identity in store.identities()]

    def some(most: int) -> list[TrackletKey]:
        count = min(len(keys), int(rng.integers(1, most + 1)))
        return [keys[i] for i in rng.choice(len(keys), count, replace=False)] if keys else []

    chance = rng.uniform()
    if chance < 0.35 or len(keys) < 3:
        start = int(rng.integers(0, 3000))
        crops = (rng.bytes(20), b"") if rng.uniform() < 0.5 else ()
        record = make_record(
            rng.choice(["monday", "tuesday"]),
            crops=crops,
            camera=rng.choice(["hall", "door"]),
            track_id=step,
            frames=(start, start + int(rng.integers(1, 300))),
            seed=step,
        )
        return lambda one: one.put([record])
    if chance < 0.7:
        target = int(rng.choice(numbers)) if numbers and rng.uniform() < 0.6 else None
        members = dict.fromkeys(some(3), target)
        is_new = target is None and rng.uniform() < 0.8
        pair = some(2)
        links = (
            (Link(*pair, rng.choice(["certain", "ambiguous"]), {"step": step}, bool(rng.integers(2))),)
            if len(pair) == 2
            else ()
        )
        links = links if rng.uniform() < 0.5 else ()

        def revise(one: Store) -> object:
            chosen = dict.fromkeys(members, one.reserve(1)[0]) if is_new else members
            return one.revise(Revision("linker", chosen, links))

        return revise
    if chance < 0.85 and len(pair := some(2)) == 2:
        if rng.uniform() < 0.25:
            return lambda one: one.withdraw((pair[0], pair[1]), "Ann")
        correction = Correction(rng.choice(["must-link", "cannot-link"]), pair[0], pair[1], "Ann", f"note {step}")
        return lambda one: one.correct(correction)
    if chance < 0.9 and numbers:
        number, name = int(rng.choice(numbers)), rng.choice(["", "Ann", "Bob", "Cid"])
        return lambda one: one.rename(number, name, "Ann")
    if chance < 0.94:
        query = unit_rows(rng, 1)
        return lambda one: one.record_search(Search("Ann", f"query {step}", Filters(), tuple(one.nearest(query, 3)[0])))
    if chance < 0.96 and numbers:
        number = int(rng.choice(numbers))
        return lambda one: one.forget("Ann", identity=number)
    if chance < 0.98:
        keys_gone = some(2)
        return lambda one: one.forget("Ann", keys=keys_gone)
    before_s = NOON + float(rng.uniform(0, 60))
    return lambda one: one.forget("Ann", before_s=before_s)


def outcome(act: Act, store: Store) -> object:
    """What it returned, or the kind of error."""
    try:
        return act(store)
    except MdprError as error:
        return type(error)


def check_rules(store: Store) -> None:
    """What holds whatever was done."""
    records = {record.key: record for record in store.tracklets()}
    for identity in store.identities():
        for a, b in combinations(identity.members, 2):
            if (a.run, a.camera) == (b.run, b.camera):
                one, other = records[a].tracklet, records[b].tracklet
                assert one.end_frame < other.start_frame or other.end_frame < one.start_frame
    for link in store.links():
        a, b = records[link.a].identity, records[link.b].identity
        assert link.is_joined == (a is not None and a == b)
    members = [key for identity in store.identities() for key in identity.members]
    assert len(members) == len(set(members))
    assert set(members) == {key for key, record in records.items() if record.identity is not None}
    replayed: dict[TrackletKey, int | None] = {}
    for event in store.events():
        if event.kind == "assign" and event.key is not None:
            assert replayed.get(event.key) == event.before
            replayed[event.key] = event.identity
    assert {key: number for key, number in replayed.items() if number is not None} == {
        key: record.identity for key, record in records.items() if record.identity is not None
    }


@pytest.mark.parametrize("seed", range(2))
def test_file_and_memory_agree(tmp_path: Path, seed: int) -> None:
    live(tmp_path, seed, steps=100)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 5))
def test_file_and_memory_agree_for_longer(tmp_path: Path, seed: int) -> None:
    live(tmp_path, seed, steps=250)


def live(tmp_path: Path, seed: int, steps: int) -> None:
    """Do `steps` random things to a file and to memory."""
    rng = np.random.default_rng(seed)
    clock = FakeClock()
    query = unit_rows(rng, 2)
    stores: list[Store] = [MemoryStore(clock), SqliteStore(tmp_path / "gallery.db", clock=clock)]
    for store in stores:
        store.add_run(make_run("monday"))
        store.add_run(make_run("tuesday"))
    kinds: dict[object, int] = {}
    for step in range(1, steps):
        act = random_act(rng, stores[0], step)
        first, second = (outcome(act, store) for store in stores)
        assert first == second, f"step {step}"
        kinds[first if isinstance(first, type) else "done"] = (
            kinds.get(first if isinstance(first, type) else "done", 0) + 1
        )
        if step % 7 == 0:
            assert seen(stores[0], query) == seen(stores[1], query), f"step {step}"
            check_rules(stores[1])
    assert kinds["done"] > steps / 2
    assert len(kinds) > 1  # some was refused
    stores[1].close()
    with SqliteStore(tmp_path / "gallery.db", clock=clock) as again:  # and nothing was only in memory
        assert seen(stores[0], query) == seen(again, query)
        again.check()
        for store in (stores[0], again):
            store.set_retention(Retention(ttl_s=3600 - 30))
        assert stores[0].expire() == again.expire()
        assert seen(stores[0], query) == seen(again, query)
