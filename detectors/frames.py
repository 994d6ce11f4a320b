"""From frames to model inputs, and from model outputs to checked `Detections`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from mdpr.boxes import clip_boxes
from mdpr.errors import FormatError
from mdpr.types import Detections, Frame


def require_images(frames: Sequence[Frame], detector: str) -> None:
    """Check that there are pixels to look at.

    Raises:
        FormatError: a frame without image; it names the camera and the frame.
    """
    for frame in frames:
        if not frame.has_image:
            raise FormatError(
                f"frame {frame.index} of {frame.camera!r} has no image, which the detector {detector} needs. "
                "Detections that were saved as text are read with the detector 'file'."
            )


def detections_for(
    frame: Frame, xyxy: NDArray[Any], confidence: NDArray[Any], class_id: NDArray[Any], clip: bool = True
) -> Detections:
    """Checked detections of a frame, cut to its image; boxes that show no pixel of it are dropped.

    Args:
        frame: where they were found; its size (0, 0) means that there is nothing to cut to.
        xyxy: (N, 4) pixels of the frame.
        confidence: (N,) in [0, 1].
        class_id: (N,).
        clip: False leaves boxes beyond the image as they are.

    Raises:
        FormatError: NaN, inverted boxes or confidences outside [0, 1]; it names the camera and the frame.
    """
    try:
        found = Detections(xyxy, confidence, class_id)
    except FormatError as error:
        raise FormatError(
            f"frame {frame.index} of {frame.camera!r}: the detector gave a wrong result: {error}"
        ) from error
    boxes = clip_boxes(found.xyxy, frame.size) if clip and frame.size != (0, 0) else found.xyxy
    has_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return Detections(boxes[has_area], found.confidence[has_area], found.class_id[has_area])
