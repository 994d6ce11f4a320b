"""Track ids that turned out to be somebody who had been there before, put right in files that are already written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from mdpr.files import part_path, write_errors


class Renames:
    """The pairs (shown, right) of `Tracks.renamed` so far; a few numbers a return."""

    def __init__(self) -> None:
        self._right: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self._right)

    def add(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Take more pairs."""
        self._right.update(pairs)

    def right(self, track_id: int) -> int:
        """The id that holds at the end.

        >>> renames = Renames()
        >>> renames.add([(9, 7), (7, 3)])
        >>> renames.right(9), renames.right(4)
        (3, 4)
        """
        while track_id in self._right:
            track_id = self._right[track_id]
        return track_id

    def rewrite(self, path: Path, copy: Callable[[Path, Path], None]) -> None:
        """Replace the part file of `path` by what `copy(from, to)` makes of it; nothing when there are no pairs.

        Raises:
            OutputError: it cannot be written.
        """
        if self:
            renamed = path.with_name(path.name + ".renamed.part")
            with write_errors(path):
                copy(part_path(path), renamed)
                os.replace(renamed, part_path(path))
