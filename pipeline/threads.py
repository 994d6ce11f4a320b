"""Keep libraries from starting threads of their own, for a process whose stages already share the cores."""

from __future__ import annotations

import ctypes
from pathlib import Path

import cv2
import numpy as np

_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
)


def compute_in_the_calling_thread() -> bool:
    """Tell OpenCV and numpy's BLAS to use one thread, for the whole process.

    OpenCV's threads cost a fifth of the speed when the detector has the cores. BLAS is worse: its threads wait for one
    another, so with busy cores a product that takes 0.3 ms, the distances of a crowd, takes 5 to 20.

    Returns:
        Whether BLAS was told; False where numpy does not bring OpenBLAS along, as its wheels do.
    """
    cv2.setNumThreads(1)
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):  # Linux and Windows, macOS
        for path in sorted(folder.glob("*openblas*")):
            library = ctypes.CDLL(str(path))  # the one that is loaded already
            setter = next((getattr(library, name) for name in _SETTERS if hasattr(library, name)), None)
            if setter is not None:
                setter(ctypes.c_int(1))
                return True
    return False
