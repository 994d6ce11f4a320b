"""What flows between the stages: frozen dataclasses of typed numpy arrays, validated once when they are made.

Their arrays are read-only views, so a stage cannot change what another stage still holds. Boxes are `xyxy` pixels; time
is seconds from the start of the source, taken from the container's timestamps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError

NO_IMAGE: NDArray[np.uint8] = np.empty((0, 0, 3), dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of one camera.

    Attributes:
        camera: name of the camera, unique within a run.
        index: position in the source, from 0; with a stride or a start time the numbering of the source is kept.
        time_s: seconds from the start of the source, strictly increasing within a camera.
        image: (height, width, 3) uint8, BGR; (0, 0, 3) where the source has no pixels (detections from a file).
        size: (width, height) in pixels; taken from the image where there is one, (0, 0) when unknown.
    """

    camera: str
    index: int
    time_s: float
    image: NDArray[np.uint8] = field(default_factory=lambda: NO_IMAGE, repr=False)
    size: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise FormatError(
                f"frame {self.index} of {self.camera!r}: expected a uint8 image (height, width, 3), "
                f"got {self.image.dtype} {self.image.shape}"
            )
        if self.has_image:
            object.__setattr__(self, "size", (self.image.shape[1], self.image.shape[0]))

    @property
    def has_image(self) -> bool:
        """Whether there are pixels."""
        return self.image.size > 0


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes found in one frame; `len()` is their number and may be 0.

    Attributes:
        xyxy: (N, 4) float32 pixels, x1 <= x2 and y1 <= y2, finite; may reach beyond the image.
        confidence: (N,) float32 in [0, 1].
        class_id: (N,) int32, 0 = person for COCO-trained detectors.

    Raises:
        FormatError: a shape, NaN, inverted box or confidence outside [0, 1]; it names the row and its values.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]

    def __post_init__(self) -> None:
        xyxy = _frozen(self, "xyxy", np.float32, (None, 4))
        count = len(xyxy)
        confidence = _frozen(self, "confidence", np.float32, (count,))
        _frozen(self, "class_id", np.int32, (count,))
        _reject("box with a value that is not finite", ~np.isfinite(xyxy).all(axis=1), xyxy)
        _reject("inverted box (expected x1 <= x2, y1 <= y2)", np.any(xyxy[:, :2] > xyxy[:, 2:], axis=1), xyxy)
        _reject("confidence outside [0, 1]", ~((confidence >= 0) & (confidence <= 1)), confidence)

    @classmethod
    def empty(cls) -> Detections:
        """No detections."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))

    def __len__(self) -> int:
        return len(self.xyxy)

    def select(self, rows: NDArray[Any]) -> Detections:
        """The rows picked by a boolean mask or by integer positions, in that order."""
        return Detections(self.xyxy[rows], self.confidence[rows], self.class_id[rows])


@dataclass(frozen=True, eq=False)
class Tracklet:
    """One track of one camera from its first to its last detection, with its best views.

    Attributes:
        camera, track_id: key of the track; a track id is local to its camera.
        class_id: class of the detections.
        start_frame, end_frame: first and last frame index, inclusive.
        start_s, end_s: their times in seconds.
        detections: number of frames with a detection.
        confidence: mean confidence of the detections, in [0, 1].
        view_frame: (V,) int64 frame index of each kept view, V >= 1, in order of time.
        view_time_s: (V,) float64 seconds.
        view_xyxy: (V, 4) float32 pixels.
        view_confidence: (V,) float32.
        view_quality: (V,) float32, the higher the better; only comparable within one camera.
        embeddings: (V, D) float32 unit rows; D = 0 when appearance is off.
    """

    camera: str
    track_id: int
    class_id: int
    start_frame: int
    end_frame: int
    start_s: float
    end_s: float
    detections: int
    confidence: float
    view_frame: NDArray[np.int64]
    view_time_s: NDArray[np.float64]
    view_xyxy: NDArray[np.float32]
    view_confidence: NDArray[np.float32]
    view_quality: NDArray[np.float32]
    embeddings: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.end_frame < self.start_frame or self.end_s < self.start_s:
            raise FormatError(f"tracklet {self.track_id} of {self.camera!r} ends before it starts")
        count = len(_frozen(self, "view_frame", np.int64, (None,)))
        _frozen(self, "view_time_s", np.float64, (count,))
        _frozen(self, "view_xyxy", np.float32, (count, 4))
        _frozen(self, "view_confidence", np.float32, (count,))
        _frozen(self, "view_quality", np.float32, (count,))
        _frozen(self, "embeddings", np.float32, (count, None))

    @property
    def embedding(self) -> NDArray[np.float32]:
        """(D,) mean of the view embeddings, unit length; (0,) when appearance is off."""
        mean = self.embeddings.mean(axis=0) if len(self.embeddings) else np.zeros(self.embeddings.shape[1], np.float32)
        return (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class NewViews:
    """Detections of one frame that became views of their tracks, for whoever keeps pictures of them.

    A track collects views before it is believed and shown; until it has an id, a number below 0 stands for it.

    Attributes:
        track: (V,) int64 track ids, or those numbers.
        xyxy: (V, 4) float32 pixels.
        instead_of: (V,) int64 index of the frame whose view each took the place of, -1 for none.
    """

    track: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    instead_of: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tracks:
    """The people shown in one frame, and the tracklets that ended with it.

    Attributes:
        track_id: (N,) int64, from 1, unique within the camera and never used again.
        xyxy: (N, 4) float32 pixels: the box of the matched detection, or where somebody hidden is expected.
        confidence: (N,) float32 of the detection, 0 for somebody hidden.
        class_id: (N,) int32.
        detection_index: (N,) int32 row of the detection that the track matched, -1 for somebody hidden: there is no
            detection, because somebody nearer stands in front.
        ended: tracklets that will not continue, in order of track id.
        renamed: pairs (shown, right) of track ids: what earlier frames showed as a new person turned out to be somebody
            who had been there before. The first id is never shown again and has no tracklet; whoever keeps results
            replaces it by the second.
        confirmed: pairs (number, id) of the tracks that got their id with this frame: the number, below 0, under which
            `new_views` had them before.
        new_views: what became views of their tracks with this frame; None when nothing did, or the tracker never tells.
    """

    track_id: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]
    detection_index: NDArray[np.int32]
    ended: tuple[Tracklet, ...] = ()
    renamed: tuple[tuple[int, int], ...] = ()
    confirmed: tuple[tuple[int, int], ...] = ()
    new_views: NewViews | None = None

    def __post_init__(self) -> None:
        count = len(_frozen(self, "track_id", np.int64, (None,)))
        _frozen(self, "xyxy", np.float32, (count, 4))
        _frozen(self, "confidence", np.float32, (count,))
        _frozen(self, "class_id", np.int32, (count,))
        _frozen(self, "detection_index", np.int32, (count,))

    @classmethod
    def trusted(
        cls,
        track_id: NDArray[np.int64],
        xyxy: NDArray[np.float32],
        confidence: NDArray[np.float32],
        class_id: NDArray[np.int32],
        detection_index: NDArray[np.int32],
        ended: tuple[Tracklet, ...],
        confirmed: tuple[tuple[int, int], ...],
        new_views: NewViews | None,
    ) -> Tracks:
        """The same without checks, which take as long as a tenth of a frame with ten people.

        Only for arrays of exactly these types and shapes that nobody else holds; they become read-only.
        """
        for array in (track_id, xyxy, confidence, class_id, detection_index):
            array.setflags(write=False)
        tracks = object.__new__(cls)
        tracks.__dict__.update(
            track_id=track_id,
            xyxy=xyxy,
            confidence=confidence,
            class_id=class_id,
            detection_index=detection_index,
            ended=ended,
            renamed=(),
            confirmed=confirmed,
            new_views=new_views,
        )
        return tracks

    @classmethod
    def empty(cls, ended: tuple[Tracklet, ...] = ()) -> Tracks:
        """Nobody in the frame."""
        none = Detections.empty()
        return cls(np.empty(0, np.int64), none.xyxy, none.confidence, none.class_id, np.empty(0, np.int32), ended)

    def __len__(self) -> int:
        return len(self.track_id)


def _frozen(owner: object, name: str, dtype: type[np.generic], shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Replace the field by a read-only view of `dtype`, checked against `shape` (None = any length); return it."""
    array = np.asarray(getattr(owner, name), dtype=dtype)
    if array.shape != shape and not _fits(array.shape, shape):  # the first comparison is enough for most, and fast
        wanted = "(" + ", ".join("any" if want is None else str(want) for want in shape) + ")"
        raise FormatError(f"{type(owner).__name__}.{name}: expected shape {wanted}, got {array.shape}")
    view = array.view()
    view.flags.writeable = False
    object.__setattr__(owner, name, view)
    return view


def _fits(got: tuple[int, ...], shape: tuple[int | None, ...]) -> bool:
    return len(got) == len(shape) and all(want in (None, size) for want, size in zip(shape, got, strict=True))


def _reject(what: str, is_bad: NDArray[np.bool_], values: NDArray[Any]) -> None:
    if is_bad.any():
        row = int(np.argmax(is_bad))
        raise FormatError(f"detection {row} of {len(values)}: {what}: {values[row].tolist()}")
