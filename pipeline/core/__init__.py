"""Who was where, when, across all cameras: person tracking with a re-identification stage.

from mdpr import track

for frame, tracks in track("video.mp4"):
    print(frame.time_s, tracks.track_id, tracks.xyxy)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdpr.types import Detections, Frame, Tracklet, Tracks

if TYPE_CHECKING:
    from mdpr.pipeline.api import track as track
    from mdpr.pipeline.boxtracker import BoxTracker as BoxTracker

__version__ = "0.1.0"
__all__ = ["BoxTracker", "Detections", "Frame", "Tracklet", "Tracks", "__version__", "track"]


def __getattr__(name: str) -> Any:
    if name == "track":  # imported on first use: the types must not pull in the whole pipeline
        from mdpr.pipeline.api import track

        return track
    if name == "BoxTracker":
        from mdpr.pipeline.boxtracker import BoxTracker

        return BoxTracker
    raise AttributeError(f"module 'mdpr' has no attribute {name!r}")
