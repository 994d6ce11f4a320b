"""The first run: render a clip, then track it with `mdpr-track`. `python demo/run.py [any mdpr-track flags]`

The detector is YOLO where its weights can be had, else the weightless motion detector; it says which.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from render import render

from mdpr.detectors.devices import choose_device
from mdpr.detectors.yolo import obtain_yolo_weights
from mdpr.errors import ModelError
from mdpr.pipeline.commands.track import main


def choose_detector(flags: list[str]) -> list[str]:
    """Flags that pick the detector; none where the user has picked one or YOLO's weights are there."""
    if any(flag.split("=")[0] in ("--detector", "--weights", "--detections", "--config") for flag in flags):
        return []
    try:
        obtain_yolo_weights(device=choose_device(""))
    except ModelError as error:
        print(f"{error}\nSo this demo uses the motion detector, which needs no weights and suits fixed cameras only.\n")
        return ["--detector", "motion"]
    return []


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    clip = Path(__file__).parent / "plaza.mp4"
    if not clip.exists():
        print(f"rendering {clip.name} ...")
        render(clip)
    sys.exit(main([str(clip), *choose_detector(sys.argv[1:]), *sys.argv[1:]]))
