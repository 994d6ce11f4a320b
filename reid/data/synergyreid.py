"""SynergyReID of the DeepSportradar challenge: basketball players in one camera at several times.

data_reid/  reid_training/  reid_test/query/  reid_test/gallery/     IDENTITY_SEQUENCE_FRAME.jpeg
            reid_challenge/query/  reid_challenge/gallery/           NUMBER.jpeg: identities are not given out
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mdpr.components import build_config
from mdpr.errors import FormatError
from mdpr.reid.data.counts import check_counts
from mdpr.reid.data.layout import find_folder, image_names
from mdpr.reid.data.records import DISTRACTOR_PID, UNKNOWN, ReidDataset, ReidImages

_FOLDERS = (
    "data_reid",
    "raw/data_reid",
    "synergyreid",
    "synergyreid/data_reid",
    "synergyreid/raw/data_reid",
    "synergy-reid/data_reid",
)
_QUERY_CAMERA, _GALLERY_CAMERA = 0, 1
_LABELLED = re.compile(r"(\d+)_(\d+)(?:_\d+)?\.[^.]+$")
_NUMBERED = re.compile(r"(\d+)\.[^.]+$")


@dataclass(frozen=True)
class SynergyReidOptions:
    """Options of SynergyReID.

    Attributes:
        challenge: query and gallery of the challenge, whose identities are not public, instead of the test split.
        strict: counts that differ from the published ones are an error, not a note.
    """

    challenge: bool = False
    strict: bool = False


def read_synergyreid(root: Path, options: Mapping[str, Any]) -> ReidDataset:
    """SynergyReID; options as in `SynergyReidOptions`.

    Queries are the first frame of a sequence and count as camera 0 (as does training), galleries as camera 1, so that
    the usual protocol leaves no gallery image out. Identities are one higher than in the names, which may hold a 0.

    Raises:
        FormatError: a folder is missing or empty, or a name breaks the rule.

    Reference: Van Zandycke et al., "DeepSportradar-v1: computer vision dataset for sports understanding with high
    quality annotations", MMSports 2022.
    """
    chosen: SynergyReidOptions = build_config(SynergyReidOptions, options, "synergyreid")
    test = "reid_challenge" if chosen.challenge else "reid_test"
    folder = find_folder(root, "SynergyReID", _FOLDERS, ("reid_training", f"{test}/query", f"{test}/gallery"))
    train = _read_folder(folder / "reid_training", _QUERY_CAMERA, needs_identity=True)
    query = _read_folder(folder / test / "query", _QUERY_CAMERA, needs_identity=not chosen.challenge)
    gallery = _read_folder(folder / test / "gallery", _GALLERY_CAMERA, needs_identity=not chosen.challenge)
    notes = ["identities are one higher than in the file names"]
    if chosen.challenge and (gallery.pids == DISTRACTOR_PID).any():
        notes.append("identities of the challenge are not public: it can be ranked, not scored")
    dataset = ReidDataset(
        name="synergyreid-challenge" if chosen.challenge else "synergyreid",
        train=train,
        query=query,
        gallery=gallery,
        licence="terms of the DeepSportradar challenge: research",
        notes=tuple(notes),
    )
    published = {"train": (8569, 436)} | ({} if chosen.challenge else {"query": (50, 50), "gallery": (910, 50)})
    return check_counts(dataset, published, chosen.strict)


def _read_folder(folder: Path, camera: int, needs_identity: bool) -> ReidImages:
    """Images of a folder; plain numbers as names are queries of their own, or gallery images of nobody known."""
    paths, pids, sequences = [], [], []
    for name in image_names(folder, "17_3_12.jpeg"):
        labelled, numbered = _LABELLED.match(name), _NUMBERED.match(name)
        if labelled:
            pids.append(int(labelled[1]) + 1)
            sequences.append(int(labelled[2]))
        elif numbered and not needs_identity:
            pids.append(int(numbered[1]) + 1 if camera == _QUERY_CAMERA else DISTRACTOR_PID)
            sequences.append(UNKNOWN)
        else:
            rule = "IDENTITY_SEQUENCE_FRAME.jpeg, such as 17_3_12.jpeg"
            raise FormatError(f"{folder / name}: expected a name {rule}{'' if needs_identity else ', or NUMBER.jpeg'}")
        paths.append(f"{folder}/{name}")
    return ReidImages.of(paths, pids, [camera] * len(paths), sequences=sequences)
