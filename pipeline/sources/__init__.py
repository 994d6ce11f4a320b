"""From source specs (files, folders, globs, streams, webcams) to frames.

`expand_sources` lists the cameras that a command line names, `open_source` opens one of them, and `open_or_await` looks
for one that is not there yet.
"""

from mdpr.pipeline.sources.awaiting import open_or_await
from mdpr.pipeline.sources.expand import expand_sources
from mdpr.pipeline.sources.opening import open_source
from mdpr.pipeline.sources.spec import CameraSpec, SourceConfig

__all__ = ["CameraSpec", "SourceConfig", "expand_sources", "open_or_await", "open_source"]
