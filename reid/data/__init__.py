"""Labelled person crops: data sets, manifests, folders, and crops cut from tracking ground truth."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from mdpr.errors import ConfigError
from mdpr.reid.data.records import DISTRACTOR_PID, JUNK_PID, UNKNOWN, ReidDataset, ReidImages

__all__ = ["DATASETS", "DISTRACTOR_PID", "JUNK_PID", "UNKNOWN", "ReidDataset", "ReidImages", "load_dataset"]

DATASETS: dict[str, str] = {
    "market1501": "mdpr.reid.data.market:read_market1501",
    "dukemtmc-reid": "mdpr.reid.data.market:read_dukemtmc_reid",
    "occluded-duke": "mdpr.reid.data.market:read_occluded_duke",
    "msmt17": "mdpr.reid.data.msmt17:read_msmt17",
    "cuhk03": "mdpr.reid.data.cuhk03:read_cuhk03",
    "synergyreid": "mdpr.reid.data.synergyreid:read_synergyreid",
    "crowd-prw": "mdpr.reid.data.market:read_crowd_prw",
    "manifest": "mdpr.reid.data.manifest:read_manifest",
    "folders": "mdpr.reid.data.folders:read_folders",
}
"""Names to "module:function"; a function takes the root and a mapping of options, and gives a `ReidDataset`."""


def load_dataset(name: str, root: str | os.PathLike[str], **options: Any) -> ReidDataset:
    """Read the list of a data set's images; no image is opened.

    Args:
        name: a key of `DATASETS`, or "package.module:function" of your own.
        root: the folder of the data set or the one that holds it; for a manifest its file.
        options: those of the reader, as the frozen dataclass in its module says.

    Raises:
        ConfigError: unknown name or option; lists the known ones.
        FormatError: the folder or a file in it is not what the reader expects; names it and the rule it breaks.
    """
    target = DATASETS.get(name, name)
    module_name, separator, function_name = target.partition(":")
    if not separator:
        raise ConfigError(
            f"unknown data set {name!r}. Known: {', '.join(sorted(DATASETS))}; or your own as package.module:function"
        )
    try:
        read = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"data set {name!r}: cannot load {target}: {error}") from error
    dataset = read(Path(root).expanduser(), options)
    if not isinstance(dataset, ReidDataset):
        raise ConfigError(f"data set {name!r}: {target} gave {type(dataset).__name__}, expected a ReidDataset")
    return dataset
