"""Folders of runs as mdpr-track and mdpr-link leave them, small and made on the spot, and what a report of one says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mdpr.pipeline.sinks.parquet import TrackletSink
from mdpr.types import Tracklet
from simulated_tracklets import World, make_tracklet, simulate

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> \"'&<!-- \u202e%%VALUES%% \u2028 ${alert(3)}"
"""A name that tries everything; has no slash but those of the tags."""

Place = tuple[str, int]
REASONS = {
    "similarity": 0.81, "runner_up": 0.44, "margin": 0.37, "time_term": 0.9, "position_term": 0.0, "log_odds": 5.1,
    "constraint": "", "forbidden": {"overlap in one camera": 1}, "group_log_odds": 6.2,
}  # fmt: skip


def visit(camera: str, track_id: int, start_s: float, end_s: float, views: int = 3) -> Tracklet:
    """A tracklet whose views are spread over its time, each better than the one before."""
    rows = np.random.default_rng(track_id).standard_normal((views, 4))
    return make_tracklet(camera, track_id, start_s, end_s, rows, np.linspace(0.3, 0.9, views))


def write_run(
    folder: Path, tracklets: Sequence[Tracklet], info: Mapping[str, Any] | None = None, still: Sequence[int] = ()
) -> Path:
    """tracklets.parquet of each camera, in which the tracks `still` never moved, and run.json when `info` is given."""
    for camera in {one.camera for one in tracklets}:
        (folder / camera).mkdir(parents=True, exist_ok=True)
        dimension = tracklets[0].embeddings.shape[1]
        path = folder / camera / "tracklets.parquet"
        with TrackletSink(path, dimension, "model-1", still.__contains__) as sink:
            sink.end([one for one in tracklets if one.camera == camera])
    if info is not None:
        (folder / "run.json").write_text(json.dumps(info))
    return folder


def link(
    a: str, b: str, verdict: str = "certain", probability: float = 0.998, is_joined: bool = True, **reasons: Any
) -> dict[str, Any]:
    """A line of links.jsonl."""
    return {
        "a": a, "b": b, "is_joined": is_joined, "verdict": verdict, "probability": probability,
        "reasons": {**REASONS, **reasons},
    }  # fmt: skip


def write_linking(
    folder: Path,
    people: Mapping[int, Sequence[Place]],
    links: Sequence[Mapping[str, Any]] = (),
    names: Mapping[int, str] | None = None,
    **more: Any,
) -> None:
    """identities.json and links.jsonl."""
    listed = [
        {
            "id": number, "name": (names or {}).get(number, ""),
            "tracklets": [{"camera": camera, "track_id": track_id} for camera, track_id in members],
        }
        for number, members in people.items()
    ]  # fmt: skip
    (folder / "identities.json").write_text(json.dumps({"identities": listed, "pieces": [], **more}))
    (folder / "links.jsonl").write_text("".join(json.dumps(one) + "\n" for one in links))


def two_people(folder: Path, names: Mapping[int, str] | None = None) -> Path:
    """Person 1 in hall and door, an ambiguous link; person 2 twice in hall, kept apart from person 1."""
    tracklets = [visit("door", 1, 30, 42), visit("hall", 1, 2, 20), visit("hall", 2, 5, 25), visit("hall", 3, 60, 75)]
    write_run(folder, tracklets)
    run = folder.name
    links = [
        link(
            f"{run}/door/1",
            f"{run}/hall/1",
            "ambiguous",
            0.62,
            time_term=-0.4,
            group_time_term=-0.3,
            gap_s=12.5,
            group_rival_term=-5.71,
            group_rival=f"{run}/hall/2",
        ),
        link(f"{run}/hall/2", f"{run}/hall/3", group_rival_term=0.0, group_rival=None),
        link(f"{run}/door/1", f"{run}/hall/3", "ambiguous", 0.3, False, runner_up=0.9, margin=-0.09),
        link(f"{run}/hall/1", f"{run}/hall/2", "certain", 0.0, False, constraint="overlap in one camera"),
    ]
    write_linking(folder, {1: [("hall", 1), ("door", 1)], 2: [("hall", 2), ("hall", 3)]}, links, names)
    return folder


def crowd(folder: Path, people: int) -> Path:
    """A run with that many people, linked by the truth."""
    simulated = simulate(World(people=people, cameras=6, visits=2, dimension=8, day_s=4 * 3600))
    write_run(folder, [one.tracklet for one in simulated.sightings])
    members: dict[int, list[Any]] = {}
    for key, person in sorted(simulated.person.items()):
        members.setdefault(person + 1, []).append(key)
    links = []
    for number, keys in members.items():
        for a, b in pairwise(keys):
            verdict, probability = ("ambiguous", 0.55) if number % 10 == 0 else ("certain", 0.999)
            names = (f"{folder.name}/{key.camera}/{key.track_id}" for key in (a, b))
            links.append(link(*names, verdict, probability))
    write_linking(folder, {n: [(key.camera, key.track_id) for key in keys] for n, keys in members.items()}, links)
    return folder


class _Page(HTMLParser):
    """Every tag with its attributes, and the text of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, dict[str, str | None], str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags:
            self.texts.append((*self.tags[-1], data))


def tags_of(page: str) -> list[tuple[str, dict[str, str | None]]]:
    """Every tag of a page with its attributes, as a browser would find them."""
    parser = _Page()
    parser.feed(page)
    return parser.tags


def text_within(page: str, tag: str, **attributes: str) -> str:
    """The text of the first such element."""
    parser = _Page()
    parser.feed(page)
    for name, found, text in parser.texts:
        if name == tag and all(found.get(key) == value for key, value in attributes.items()):
            return text
    raise AssertionError(f"no {tag} {attributes}")


def values_in(page: Path) -> dict[str, Any]:
    """What the page's script reads."""
    found: dict[str, Any] = json.loads(text_within(page.read_text("utf-8"), "script", id="values"))
    return found


def policy_of(page: str) -> dict[str, str]:
    """The Content-Security-Policy of a page."""
    (content,) = (found["content"] or "" for tag, found in tags_of(page) if found.get("http-equiv"))
    return dict(re.split(r"\s+", part.strip(), maxsplit=1) for part in content.split(";"))  # type: ignore[misc]
