"""The pictures of a gallery as a ReID data set in Market-1501's folders and names, to train on what was corrected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdpr.errors import ConfigError, OutputError
from mdpr.files import make_folder, write_bytes
from mdpr.pipeline.store import Identity, Store, TrackletKey
from mdpr.reid.data.manifest import write_manifest
from mdpr.reid.data.market import FOLDERS
from mdpr.reid.data.records import ReidDataset, ReidImages
from mdpr.reid.data.splits import check_hold_out

MANIFEST = "manifest.csv"
_NOTE = "people of a gallery, by their identities there; ask them before you train on them"


@dataclass(frozen=True)
class ExportConfig:
    """What is written.

    Attributes:
        only_corrected: only people who have a name, or about whose tracklets somebody has said something.
        least_views: people with fewer pictures are left out.
        hold_out: part of the people for query and gallery, in [0, 1]; they have two pictures in each of two cameras.
        seed: chooses them.
    """

    only_corrected: bool = False
    least_views: int = 2
    hold_out: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_hold_out(self.hold_out, 1)
        if self.least_views < 1:
            raise ConfigError(f"least_views: expected 1 or more, got {self.least_views}")


@dataclass(frozen=True)
class _Picture:
    person: int
    camera: int
    sequence: int
    frame: int
    key: TrackletKey
    view: int

    @property
    def name(self) -> str:
        """As Market-1501 has it; the last number tells pictures of one frame apart."""
        track = f"{self.key.track_id:06d}{self.key.part:01d}"
        return f"{self.person:04d}_c{self.camera}s{self.sequence}_{self.frame:06d}_{track}.jpg"


def export_crops(store: Store, out: Path, config: ExportConfig) -> ReidDataset:
    """Write bounding_box_train/, query/, bounding_box_test/ and manifest.csv.

    A person has the number of the identity, a camera its place in the sorted names, a sequence that of its run.

    Raises:
        OutputError: the folder is not empty.
        ConfigError: nobody is left.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} is there already, and not empty: give another --out")
    people = _people(store, config)
    pictures = {one.number: _pictures(store, one) for one in people}
    pictures = {number: found for number, found in pictures.items() if len(found) >= config.least_views}
    if not pictures:
        raise ConfigError(
            f"nobody in the gallery has {config.least_views} pictures"
            + (" and a correction or name" if config.only_corrected else "")
            + "; it gets pictures from mdpr-link RUN --gallery FILE when the videos are there"
        )
    tested = _tested(pictures, config)
    splits: dict[str, list[_Picture]] = {split: [] for split in FOLDERS}
    for number, found in pictures.items():
        if number not in tested:
            splits["train"] += found
            continue
        queries = list({one.camera: one for one in reversed(found)}.values())  # the first of each camera
        splits["query"] += queries
        splits["gallery"] += [one for one in found if one not in queries]
    images = {}
    for split, found in splits.items():
        folder = out / FOLDERS[split]
        make_folder(folder)
        for one in found:
            write_bytes(folder / one.name, store.crops(one.key)[one.view])
        images[split] = _images([(str(folder / one.name), one.person, one.camera, one.sequence) for one in found])
    dataset = ReidDataset("gallery", images["train"], images["query"], images["gallery"], "", (_NOTE,))
    write_manifest(dataset, out / MANIFEST)
    return dataset


def _people(store: Store, config: ExportConfig) -> list[Identity]:
    people = [one for one in store.identities() if one.members]
    if not config.only_corrected:
        return people
    said = {key for one in store.corrections() for key in one.pair}
    return [one for one in people if one.name or said & set(one.members)]


def _pictures(store: Store, person: Identity) -> list[_Picture]:
    cameras = sorted(camera.name for camera in store.cameras())
    runs = [run.name for run in store.runs()]
    records = {record.key: record for record in store.tracklets()}
    found = []
    for key in person.members:
        for view, jpeg in enumerate(store.crops(key)):
            if jpeg:
                frame = int(records[key].tracklet.view_frame[view])
                place = cameras.index(key.camera) + 1, runs.index(key.run) + 1
                found.append(_Picture(person.number, *place, frame, key, view))
    return found


def _tested(pictures: dict[int, list[_Picture]], config: ExportConfig) -> set[int]:
    """People for query and gallery: each of their query pictures has another camera to be found in."""
    able = [number for number, found in pictures.items() if len({one.camera for one in found}) > 1]
    able = [number for number in able if _has_rest(pictures[number])]
    count = max(round(config.hold_out * len(pictures)), int(config.hold_out > 0))
    count = min(count, len(able), len(pictures) - 1)  # somebody must be left to train on
    return set(np.random.default_rng(config.seed).permutation(able)[:count].tolist())


def _has_rest(found: list[_Picture]) -> bool:
    """Whether every camera has a picture beside the query."""
    cameras = [one.camera for one in found]
    return all(cameras.count(camera) > 1 for camera in set(cameras))


def _images(rows: list[tuple[str, int, int, int]]) -> ReidImages:
    paths = tuple(row[0] for row in rows)
    pids, camids, sequences = (np.array([row[place] for row in rows], np.int64) for place in (1, 2, 3))
    return ReidImages(paths, pids, camids, np.full((len(rows), 4), np.nan, np.float32), sequences)
