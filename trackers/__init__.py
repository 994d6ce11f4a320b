"""Following people from frame to frame in one camera; every tracker fulfils `mdpr.contracts.Tracker`."""

from __future__ import annotations

TRACKERS: dict[str, str] = {
    "bytetrack": "mdpr.trackers.bytetrack:ByteTrack",
    "deepsort": "mdpr.trackers.deepsort:DeepSort",
}
"""Names of the trackers to "module:Class", for `mdpr.components.find_class`."""
