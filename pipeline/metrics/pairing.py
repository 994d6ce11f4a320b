"""Which prediction belongs to which truth."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.formats.recordings import Recordings
from mdpr.pipeline.formats.trackboxes import CROWD, Recording

log = logging.getLogger("mdpr")


def pair_sequences(
    truth: Recordings, predicted: Recordings, only: Sequence[str] = ()
) -> dict[str, tuple[Recording, Recording]]:
    """Truth and prediction of each sequence of the truth, by the truth's names.

    Sequences go together by name; a single truth and a single prediction go together whatever their names are.

    Args:
        truth, predicted: everything there is.
        only: names to which it is limited; empty takes all.

    Raises:
        ConfigError: a name in `only` that the truth does not have.
        FormatError: a sequence without a prediction.
    """
    wanted, found = _limited(truth, only), dict(predicted.by_name)
    if len(wanted) == 1 and len(found) == 1 and set(wanted) != set(found):
        (name,), (other,) = wanted, found
        log.info("%s is compared with %s", name, other)
        found = {name: found[other]}
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise FormatError(
            f"{predicted.path}: no prediction for {', '.join(missing)}; it has {', '.join(sorted(found)) or 'none'}. "
            "Names must be the same, or --only names the sequences to compare"
        )
    left_out = sorted(set(found) - set(wanted))
    if left_out and not only:
        log.warning("%s: left out, as the truth lacks it: %s", predicted.path, ", ".join(left_out))
    return {name: (recording, found[name]) for name, recording in wanted.items()}


def pair_cameras(
    truth: Recordings, predicted: Recordings, only: Sequence[str] = ()
) -> tuple[dict[str, Recording], dict[str, Recording]]:
    """Truth and prediction by camera; both must have the same cameras, as a camera more or less changes every figure.

    Raises:
        ConfigError: a name in `only` that the truth does not have.
        FormatError: cameras that one of them lacks.
    """
    wanted = _limited(truth, only)
    found = {name: one for name, one in predicted.by_name.items() if not only or name in only}
    if set(wanted) != set(found):
        differences = [
            f"{path} lacks {', '.join(sorted(names))}"
            for path, names in ((predicted.path, set(wanted) - set(found)), (truth.path, set(found) - set(wanted)))
            if names
        ]
        raise FormatError(
            f"cameras differ: {'; '.join(differences)}. The truth has {', '.join(truth.by_name) or 'none'}; "
            f"the prediction has {', '.join(predicted.by_name) or 'none'}. "
            "Names must be the same, or --only names the cameras to compare"
        )
    return wanted, found


def warn_of_emptiness(truth: Sequence[Recording], predicted: Sequence[Recording], ignores_crowds: bool) -> None:
    """Say what would make surprising scores: files without boxes, crowd regions that are not used.

    Raises:
        FormatError: there is no truth at all.
    """
    if not any(np.any(one.boxes.score != 0) for one in truth):
        raise FormatError(f"{', '.join(one.where for one in truth)}: no box that counts, so nothing can be measured")
    for what, recordings in (("truth", truth), ("prediction", predicted)):
        for one in recordings:
            if not len(one.boxes):
                log.warning("%s: the %s of %s is empty", one.where, what, one.name)
    for one in truth:
        crowds = int(np.count_nonzero(one.boxes.class_id == CROWD))
        if crowds and not ignores_crowds:
            log.warning(
                "%s: %d boxes of crowds are not ignore regions unless --ignore-regions says so", one.where, crowds
            )


def _limited(truth: Recordings, only: Sequence[str]) -> dict[str, Recording]:
    unknown = sorted(set(only) - set(truth.by_name))
    if unknown:
        raise ConfigError(
            f"--only {' '.join(unknown)}: not in {truth.path}, which has {', '.join(truth.by_name) or 'none'}"
        )
    return {name: one for name, one in truth.by_name.items() if not only or name in only}
