"""Pictures of the views of tracks, taken as the frames go by: a live source cannot be read again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mdpr.pipeline.linking.viewcrops import jpeg_of
from mdpr.trackers.crosscamera import Sighting, TrackletKey
from mdpr.types import Frame, NewViews, Tracklet, Tracks

MOST_BYTES = 64 << 20
"""Of the pictures of a camera that wait for their tracks to end; beyond, whoever has most gives up every second one."""

UNSHOWN_S = 1.0
"""Seconds without a new view after which a number below 0, see `NewViews`, stands for another track."""

Pictures = Mapping[int, bytes]
"""JPEGs of a track by frame."""

TakenPictures = Mapping[tuple[str, int], Pictures]
"""Those of tracks of one run by camera and track id."""


def taken_of(taken: TakenPictures, sightings: Sequence[Sighting]) -> dict[TrackletKey, tuple[bytes, ...]]:
    """A JPEG for each view of those tracklets of which there are some, b"" where there is none."""
    found = {}
    for one in sightings:
        pictures = taken.get((one.key.camera, one.key.track_id), {})
        if pictures:
            found[one.key] = tuple(pictures.get(frame, b"") for frame in one.tracklet.view_frame.tolist())
    return found


class ViewPictures:
    """A JPEG for each view that the open tracks of one camera have now; a view that goes takes its picture along.

    Args:
        most_bytes: of all pictures together.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.bytes = 0
        """What is held now."""
        self._most_bytes = most_bytes
        self._of: dict[int, dict[int, bytes]] = {}  # by track and frame
        self._last_s: dict[int, float] = {}  # of numbers below 0, their newest view

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Cut what became a view with this frame, and follow tracks that got another id."""
        for number, track_id in tracks.confirmed:
            self._move(number, track_id)
        if tracks.new_views is not None and frame.has_image:
            self._take(frame, tracks.new_views)
        for shown, right in tracks.renamed:
            self._move(shown, right)

    def pop(self, tracklet: Tracklet) -> dict[int, bytes]:
        """The pictures of the views of a tracklet that has ended, by frame; none are kept."""
        held = self._pop(tracklet.track_id)
        return {frame: held[frame] for frame in tracklet.view_frame.tolist() if frame in held}

    def clear(self) -> None:
        """Let go of everything."""
        self._of, self._last_s, self.bytes = {}, {}, 0

    def _take(self, frame: Frame, views: NewViews) -> None:
        for track, box, gone in zip(views.track.tolist(), views.xyxy, views.instead_of.tolist(), strict=True):
            if track < 0:
                if frame.time_s - self._last_s.get(track, -math.inf) > UNSHOWN_S:
                    self._pop(track)
                self._last_s[track] = frame.time_s
            pictures = self._of.setdefault(track, {})
            self.bytes -= len(pictures.pop(gone, b""))
            if jpeg := jpeg_of(frame, box):
                pictures[frame.index] = jpeg
                self.bytes += len(jpeg)
        while self.bytes > self._most_bytes:
            self._thin()

    def _thin(self) -> None:
        track = max(self._of, key=lambda one: len(self._of[one]))
        pictures = self._of[track]
        for frame in list(pictures)[1::2] or list(pictures):
            self.bytes -= len(pictures.pop(frame))

    def _move(self, old: int, new: int) -> None:
        """Give the pictures of one track to another, which may have some."""
        pictures = self._pop(old)
        held = self._of.setdefault(new, {})
        for frame in sorted(pictures.keys() - held.keys()):
            held[frame] = pictures[frame]
            self.bytes += len(pictures[frame])

    def _pop(self, track: int) -> dict[int, bytes]:
        pictures = self._of.pop(track, {})
        self.bytes -= sum(map(len, pictures.values()))
        return pictures
