"""What a run was and how it went: run.json, and the summary that is printed."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mdpr.pipeline.timing import StageTimes
from mdpr.versions import versions


@dataclass
class CameraReport:
    """How one camera went.

    Attributes:
        source: what was read, without passwords.
        frames: frames tracked.
        people: tracklets; a person who left and came back may count twice.
        still: how many of them never moved, see `mdpr.pipeline.stillness`.
        dropped: frames of a live source that came too fast.
        losses: what the source could not use, by kind.
        motion: of the camera at the end: fixed, moving, off, or deciding when the source was too short to tell.
        imgsz: longer side of the detector's input at the end, where it was chosen by how small people are; else None.
        error: why the camera ended early, or could not be opened; empty when all went well.
        started_s: wall time (seconds since 1970) of second 0 of the source; None where nothing was read.
        started_from: how that is known: "flag", "file", "clock", "run" (not known); see `mdpr.pipeline.sources.clock`.
    """

    source: str
    frames: int = 0
    people: int = 0
    still: int = 0
    dropped: int = 0
    losses: dict[str, int] = field(default_factory=dict)
    motion: str = "off"
    imgsz: int | None = None
    error: str = ""
    started_s: float | None = None
    started_from: str = ""


@dataclass
class RunReport:
    """How a run went.

    Attributes:
        status: running, complete, interrupted or failed.
        folder: where the results are.
        detector, reid, tracker: one line each.
        embedding_model: fingerprint of the embedding model; empty when appearance is off.
        cameras: by name.
        started_s: wall time when the run began.
        wall_s: seconds from the first frame asked for to the last file closed.
        error: why a run failed.
        embeddings: how many were made and saved; None when appearance is off.
        refined: what refining did; None when the tracks are as they were tracked.
    """

    status: str
    folder: str
    detector: str
    reid: str
    tracker: str
    embedding_model: str
    cameras: dict[str, CameraReport]
    started_s: float
    wall_s: float = 0.0
    error: str = ""
    embeddings: dict[str, float] | None = None
    refined: dict[str, Any] | None = None

    @property
    def frames(self) -> int:
        """Frames of all cameras."""
        return sum(camera.frames for camera in self.cameras.values())

    @property
    def fps(self) -> float:
        """Frames a second, end to end, of all cameras together."""
        return self.frames / self.wall_s if self.wall_s > 0 else 0.0

    def as_mapping(self, times: StageTimes) -> dict[str, Any]:
        """Plain values for run.json."""
        values = {
            "status": self.status,
            "error": self.error,
            "folder": self.folder,
            "frames": self.frames,
            "people": sum(camera.people for camera in self.cameras.values()),
            "still": sum(camera.still for camera in self.cameras.values()),
            "started_s": self.started_s,
            "wall_s": round(self.wall_s, 3),
            "fps": round(self.fps, 2),
            "detector": self.detector,
            "reid": self.reid,
            "tracker": self.tracker,
            "embedding_model": self.embedding_model,
            "embeddings": self.embeddings,
            "cameras": {name: vars(camera) for name, camera in self.cameras.items()},
            "device": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
            "stage_times": times.summary(),
            "versions": versions(),
        }
        return values if self.refined is None else {**values, "refined": self.refined}

    def as_json(self, times: StageTimes) -> str:
        """`as_mapping` as indented JSON."""
        return json.dumps(self.as_mapping(times), indent=2, ensure_ascii=False) + "\n"

    def as_text(self, times: StageTimes) -> str:
        """The summary for a person."""
        lines = [times.table(), ""]
        if self.embeddings is not None and self.embeddings["saved"]:
            made, saved, share = (self.embeddings[name] for name in ("made", "saved", "saved_share"))
            lines[1:] = [f"embeddings {made:,} made, {saved:,} ({share:.1%}) saved", ""]
        for name, camera in self.cameras.items():
            lost: Mapping[str, int] = {"dropped": camera.dropped, **camera.losses}
            notes = [f"{count} {kind.replace('_', ' ')}" for kind, count in lost.items() if count]
            if camera.error:
                notes.append(f"failed: {camera.error}")
            note = f" ({'; '.join(notes)})" if notes else ""
            still = f" ({camera.still} never moved)" if camera.still else ""
            lines.append(f"{name}: {camera.frames} frames, {camera.people} people{still}{note}")
        lines.append(f"{self.frames} frames in {self.wall_s:.1f} s = {self.fps:.1f} fps. Results: {self.folder}")
        return "\n".join(lines)
