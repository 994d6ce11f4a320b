"""One thread for OpenCV and numpy's BLAS, in a process of its own: the setting holds for the whole process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BLAS = sorted((Path(np.__file__).parent.parent / "numpy.libs").glob("*scipy_openblas64_*"))

COUNT = """
import ctypes, sys
import cv2
from mdpr.pipeline.threads import compute_in_the_calling_thread
count = ctypes.CDLL(sys.argv[1]).scipy_openblas_get_num_threads64_
before = count()
print(compute_in_the_calling_thread(), before, count(), cv2.getNumThreads())
"""


@pytest.mark.skipif(not BLAS, reason="numpy without the OpenBLAS of its wheels")
def test_blas_and_opencv_use_one_thread() -> None:
    run = subprocess.run(
        [sys.executable, "-c", COUNT, str(BLAS[0])],
        capture_output=True,
        text=True,
        check=True,
        env={"OPENBLAS_NUM_THREADS": "2"},
    )
    was_told, _, blas, opencv = run.stdout.split()
    assert (was_told, blas, opencv) == ("True", "1", "1")
