"""The measure of real people who return: what it counts, and that it runs on the development videos."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np

_SPEC = importlib.util.spec_from_file_location("real_returns", Path(__file__).with_name("real_returns.py"))
real_returns = importlib.util.module_from_spec(_SPEC)
sys.modules["real_returns"] = real_returns  # dataclasses look there
_SPEC.loader.exec_module(real_returns)


def test_counts_who_came_back_and_what_ids_came_back():
    """Ann returns under her id, Ben under a new one, Cem (new) takes Dan's, and Eva (new) has one of her own."""
    ann, ben, cem, dan, eva = 1, 2, 3, 4, 5
    scene = real_returns.Trial(
        frames=[],
        people=[np.array(one) for one in ([ann, ben, dan], [ann, ben, dan], [], [ann, ben, cem, eva], [ann])],
        part=[0, 0, -1, 1, 1],
    )
    ids = [np.array(one) for one in ([1, 2, 3], [1, 9, 3], [], [0, 5, 3, 6], [1])]
    counted = real_returns.score(scene, ids)
    assert counted == real_returns.Returns(came_back=2, found=1, claimed=2, right=1)
    assert str(counted + counted) == "recall 0.500 of 4, precision 0.500 of 4"
