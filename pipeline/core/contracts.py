"""The contracts between the stages: protocols, so that a class of yours needs no base class of ours.

A class that is built by name from a configuration also carries `Config`, a frozen dataclass of its options, and takes
one as its only argument: `Class(Class.Config(...))`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mdpr.types import Detections, Frame, Tracklet, Tracks


class Detector(Protocol):
    """Finds people in frames."""

    description: str
    """One line for the log: model, engine, device."""

    batch_size: int
    """How many frames a call should have to keep the engine busy; any number, 0 included, works."""

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One `Detections` for each frame, in order. The result for a frame does not depend on the others."""


@runtime_checkable
class ResizableDetector(Detector, Protocol):
    """A detector that can be told how large each frame is to be shown to its network."""

    takes_any_size: bool
    """False: the network is bound to one size, and only `sizes` of None work."""

    def detect(self, frames: Sequence[Frame], sizes: Sequence[int] | None = None) -> list[Detections]:
        """As `Detector`.

        Args:
            frames: any number.
            sizes: longer side of the input for each frame, multiples of 32; None takes that of the configuration.
        """


class Embedder(Protocol):
    """Turns person crops into appearance embeddings."""

    description: str
    """One line for the log: model, engine, device."""

    fingerprint: str
    """Identifies the model: embeddings of different fingerprints cannot be compared. Empty when `dimension` is 0."""

    dimension: int
    """D; 0 means that appearance is off."""

    match_distance: float
    """Cosine distance that two crops of one person rarely exceed within a few seconds of one camera."""

    sure_distance: float
    """Cosine distance that crops of two people hardly ever fall below."""

    crop_s: float
    """Seconds that the last `embed` spent on cutting and resizing crops, for the table of stage times."""

    def embed(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Embeddings of all boxes of all images.

        Args:
            images: BGR images, (height, width, 3) each.
            boxes: (N_i, 4) `xyxy` boxes of image i; empty, outside the image or without area are all allowed.

        Returns:
            (sum of N_i, D) float32, unit rows, in the order of images and boxes; a box that shows no pixel of its image
            has a row of zeros, whose similarity with everything is 0.
        """


class Tracker(Protocol):
    """Follows people from frame to frame in one camera."""

    embedding_conf: float
    """Detections below this confidence need no embedding: the tracker does not ask what they look like."""

    patience_s: float
    """After so many seconds without a frame nobody goes on or comes back: `flush` then gives what the next frame would
    end. A tracker that does not say waits for ever."""

    def update(self, detections: Detections, frame: Frame, embeddings: NDArray[np.float32] | None = None) -> Tracks:
        """Take the next frame. `embeddings` is (N, D) with one row for each detection, or None.

        A row has unit length, or is zero (the crop shows nothing) or all NaN (it was not embedded): then that detection
        has no appearance, and motion decides.
        """

    def embedding_needed(self, detections: Detections, frame: Frame) -> NDArray[np.bool_]:
        """(N,) for which detections of the next frame an embedding would decide something; changes nothing.

        Whoever embeds only those gives `update` rows of NaN for the others. Call it just before `update` of the same
        frame, and after `move_camera`.
        """

    def move_camera(self, transform: NDArray[np.float64]) -> None:
        """The camera has moved since the last frame: take all tracks along, before `update` of the next frame.

        Args:
            transform: (2, 3) affine map of the last frame's pixels to the next frame's, x' = A x + b as [A | b].
        """

    def flush(self) -> list[Tracklet]:
        """End all tracks and return the tracklets that `Tracks.ended` has not yet given."""

    def reset(self) -> None:
        """Forget everything, ids included."""


class Source(Protocol):
    """A camera: iterates frames and says afterwards what was lost."""

    camera: str
    is_live: bool
    """A live source does not wait: a consumer that is too slow drops frames."""

    has_images: bool
    started_s: float | None
    """Wall time (seconds since 1970) of second 0, as the file tells it; None when nothing does."""

    def __iter__(self) -> Iterator[Frame]: ...

    @property
    def losses(self) -> dict[str, int]:
        """What could not be used so far, by kind; empty when nothing was lost."""

    def close(self) -> None:
        """Release the file or device; further calls do nothing. May be called from another thread."""


class Sink(Protocol):
    """Writes the results of one camera."""

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Take the next frame's result."""

    def end(self, tracklets: Sequence[Tracklet]) -> None:
        """The camera ended; these tracklets were still open (`Tracks.ended` gave the others)."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
