"""The folders of each known data set with a few empty files: readers look at names only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.io import savemat


def touch(folder: Path, names: Sequence[str]) -> Path:
    """Empty files in a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def box_folders(root: Path, pattern: str = "{pid:04d}_c{cam}s1_{i:06d}_00.jpg") -> Path:
    """Three folders of Market-1501's family: people 1 and 2 to train, 5 and 6 to test, two cameras, two images each."""

    def names(people: Sequence[int], first: int, last: int) -> list[str]:
        return [pattern.format(pid=p, cam=c, i=i) for p in people for c in (1, 2) for i in range(first, last)]

    touch(root / "bounding_box_train", [*names((1, 2), 0, 2), "Thumbs.db"])
    touch(root / "query", names((5, 6), 0, 1))
    touch(root / "bounding_box_test", names((5, 6), 1, 2))
    return root


def msmt17(root: Path, version: str = "V1") -> Path:
    """Lists of MSMT17: people 0 and 1, two images each in train, one in val; test people 0 and 1."""
    train, test = ("train", "test") if version == "V1" else ("mask_train_v2", "mask_test_v2")

    def entries(people: Sequence[int], first: int, last: int) -> list[tuple[str, int]]:
        return [
            (f"{p:04d}/{p:04d}_{i:03d}_{i + 1:02d}_0303morning_0015_0.jpg", p)
            for p in people
            for i in range(first, last)
        ]

    for split, folder, rows in (
        ("train", train, entries((0, 1), 0, 2)),
        ("val", train, entries((0, 1), 2, 3)),
        ("query", test, entries((0, 1), 0, 1)),
        ("gallery", test, entries((0, 1), 1, 3)),
    ):
        touch(root / folder, [name for name, _ in rows])
        (root / f"list_{split}.txt").write_text("".join(f"{name} {pid}\n" for name, pid in rows))
    return root


def cuhk03_np(root: Path, boxes: str = "detected") -> Path:
    """CUHK03-NP of Zhong et al."""
    box_folders(root / boxes, "{pid:04d}_c{cam}_{i}.png")
    return root


def cuhk03_extracted(root: Path, boxes: str = "detected") -> Path:
    """Extracted pictures and the split file: people 1 to 4, two cameras with an image each; 3 and 4 are tested."""
    names = [f"1_{person:03d}_{camera}_{camera:02d}.png" for person in range(1, 5) for camera in (1, 2)]
    touch(root / f"images_{boxes}", names)
    filelist = np.empty((len(names), 1), object)
    filelist[:, 0] = names
    savemat(
        root / f"cuhk03_new_protocol_config_{boxes}.mat",
        {
            "filelist": filelist,
            "labels": np.repeat(np.arange(1, 5), 2)[:, None].astype(float),
            "train_idx": np.arange(1, 5)[:, None],
            "query_idx": np.array([[5], [7]]),
            "gallery_idx": np.array([[6], [8]]),
        },
    )
    return root


def synergyreid(root: Path) -> Path:
    """SynergyReID with its challenge."""
    touch(root / "reid_training", ["0_1_0.jpeg", "0_1_5.jpeg", "1_2_0.jpeg"])
    touch(root / "reid_test/query", ["7_3_0.jpeg", "8_3_0.jpeg"])
    touch(root / "reid_test/gallery", ["7_3_4.jpeg", "8_3_9.jpeg", "8_3_12.jpeg"])
    touch(root / "reid_challenge/query", ["4.jpeg", "9.jpeg"])
    touch(root / "reid_challenge/gallery", ["11.jpeg", "12.jpeg", "13.jpeg"])
    return root


def folders(root: Path) -> Path:
    """A folder per person in train, query and gallery."""
    for split, people in (("train", ("ann", "bob")), ("query", ("eve", "fay")), ("gallery", ("eve", "fay"))):
        for person in people:
            touch(root / split / person, [f"{split}_c{camera}.jpg" for camera in (1, 2)])
    return root


def manifest(root: Path) -> Path:
    """A manifest of four people; returns its file."""
    touch(root, [f"{i}.jpg" for i in range(6)])
    rows = [
        "0.jpg,1,1,train",
        "1.jpg,1,2,train",
        "2.jpg,2,1,train",
        "3.jpg,5,1,query",
        "4.jpg,5,2,gallery",
        "5.jpg,6,2,gallery",
    ]
    path = root / "people.csv"
    path.write_text("\n".join(["path,pid,camid,split", *rows]) + "\n")
    return path


LAYOUTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "market1501": (box_folders, "Market-1501-v15.09.15"),
    "dukemtmc-reid": (lambda root: box_folders(root, "{pid:04d}_c{cam}_f{i:07d}.jpg"), "DukeMTMC-reID"),
    "occluded-duke": (lambda root: box_folders(root, "{pid:04d}_c{cam}_f{i:07d}.jpg"), "Occluded_Duke"),
    "msmt17": (msmt17, "MSMT17_V1"),
    "cuhk03": (cuhk03_np, "cuhk03-np"),
    "synergyreid": (synergyreid, "data_reid"),
    "crowd-prw": (lambda root: box_folders(root, "{pid}_c{cam}s3_{i}.jpg"), "Crowd-PRW-v16.04.20"),
    "folders": (folders, ""),
    "manifest": (manifest, ""),
}
"""Data set to (what makes it in a folder, the standard name of that folder)."""
