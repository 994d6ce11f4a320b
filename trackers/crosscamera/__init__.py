"""Who is who across cameras: tracklets in, identities out, with a reason for every link.

from mdpr.trackers.crosscamera import Knowledge, OfflineLinker, Sighting, Topology

sightings = [Sighting.of("monday", tracklet) for tracklet in tracklets]
linking = OfflineLinker().link(sightings, Cameras.read(Path("cameras.yaml")).knowledge())
"""

from __future__ import annotations

from mdpr.trackers.crosscamera.cameras import Cameras
from mdpr.trackers.crosscamera.config import LinkConfig
from mdpr.trackers.crosscamera.constraints import Knowledge
from mdpr.trackers.crosscamera.contract import Linker
from mdpr.trackers.crosscamera.events import LinkEvent
from mdpr.trackers.crosscamera.ground import Grounds
from mdpr.trackers.crosscamera.offline import OfflineLinker
from mdpr.trackers.crosscamera.online import OnlineLinker
from mdpr.trackers.crosscamera.topology import Topology
from mdpr.trackers.crosscamera.types import (
    Boxes,
    Calibration,
    CameraPairFit,
    Correction,
    CorrectionKind,
    Identity,
    Link,
    Linking,
    Reasons,
    Sighting,
    TrackletKey,
    Verdict,
)

__all__ = [
    "Boxes",
    "Calibration",
    "CameraPairFit",
    "Cameras",
    "Correction",
    "CorrectionKind",
    "Grounds",
    "Identity",
    "Knowledge",
    "Link",
    "LinkConfig",
    "LinkEvent",
    "Linker",
    "Linking",
    "OfflineLinker",
    "OnlineLinker",
    "Reasons",
    "Sighting",
    "Topology",
    "TrackletKey",
    "Verdict",
]
