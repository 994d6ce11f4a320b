"""Results of one camera as files. See `mdpr.contracts.Sink`.

Every file is written as `NAME.part` and renamed when it is complete, so a file without `.part` is always whole.
"""

from __future__ import annotations

from mdpr.pipeline.sinks.background import BackgroundSink as BackgroundSink
from mdpr.pipeline.sinks.crops import CropSink as CropSink
from mdpr.pipeline.sinks.mot import MotSink as MotSink
from mdpr.pipeline.sinks.parquet import TrackletSink as TrackletSink
from mdpr.pipeline.sinks.parquet import TrackSink as TrackSink
from mdpr.pipeline.sinks.video import VideoSink as VideoSink
