"""Open one camera: pick the reader for its location."""

from __future__ import annotations

from pathlib import Path

from mdpr.contracts import Source
from mdpr.errors import SourceError
from mdpr.pipeline.sources.expand import IMAGE_SUFFIXES, LIST_SUFFIX, exists, has_suffix, has_wildcard
from mdpr.pipeline.sources.spec import CameraSpec, SourceConfig, is_url


def open_source(spec: CameraSpec, config: SourceConfig) -> Source:
    """Open a camera and read its first picture.

    Args:
        spec: from `expand_sources`.
        config: what to keep of it.

    Returns:
        A source that can be gone through once. Of a video or sequence that is damaged later on, what can be read is
        given and the rest counted in its `losses`.

    Raises:
        SourceError: it cannot be opened, or holds no picture; says what was expected, and what to do.
    """
    path = Path(spec.location)
    # The readers are imported when needed: each pulls in a large library.
    if spec.location.isdecimal():
        from mdpr.pipeline.sources.webcam import open_webcam

        return open_webcam(spec, config)
    if is_url(spec.location):
        from mdpr.pipeline.sources.video import open_video

        return open_video(spec, config)
    if has_suffix(path, {LIST_SUFFIX}):
        why = "it names no source" if path.is_file() else "it does not exist"
        raise SourceError(f"{spec.location}: expected a text file with one source a line, but {why}")
    is_image = exists(path) and (path.is_dir() or has_suffix(path, IMAGE_SUFFIXES))
    if is_image or has_wildcard(spec.location):
        from mdpr.pipeline.sources.images import open_images

        return open_images(spec, config)
    from mdpr.pipeline.sources.video import open_video

    return open_video(spec, config)
