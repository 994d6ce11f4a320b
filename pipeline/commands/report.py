"""`mdpr report RUN...`: one self-contained HTML page a run: who was where and when, and why."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from mdpr.errors import ConfigError
from mdpr.files import write_text
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.report_page.content import REPORT_FILE, page_values
from mdpr.pipeline.report_page.from_gallery import as_in_gallery
from mdpr.pipeline.report_page.page import make_page
from mdpr.pipeline.report_page.pictures import cut_pictures
from mdpr.pipeline.report_page.reading import read_run
from mdpr.pipeline.report_page.run_content import RunContent
from mdpr.pipeline.store import SqliteStore
from mdpr.pipeline.store.keeping import as_size

log = logging.getLogger("mdpr")

_EPILOG = """\
The page needs no network and no other file; only its links to the videos do, so leave it beside them. It holds pictures
of people: treat it like the videos. A run that was not linked (mdpr-link) has a lane for every track of every camera.
With --gallery a run needs no tables (--config gallery-only), and may go on: the page has whoever has left.
Pictures come from the gallery, else from the source videos where they still lie, else from --save-crop.

exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        "mdpr report", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", type=Path, help="folder of a run of mdpr-track")
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"the page, for one RUN (RUN/{REPORT_FILE})")
    parser.add_argument("--gallery", type=Path, metavar="FILE", help="take who is who, names and links from a gallery")
    parser.add_argument("--crops", type=int, default=3, metavar="N", help="most pictures of a visit (3); 0 for none")
    parser.add_argument("--no-video", action="store_true", help="do not read the source videos again for pictures")
    parser.add_argument(
        "--max-mb", type=float, default=24.0, metavar="MB", help="most megabytes of pictures in a page (24)"
    )
    parser.add_argument("--quiet", action="store_true", help="only warnings and errors")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr report`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _report(flags), flags.quiet)


def _report(flags: argparse.Namespace) -> int:
    if flags.out is not None and len(flags.runs) > 1:
        raise ConfigError("--out names one page: give one RUN, or leave it out and find RUN/report.html in each")
    if flags.crops < 0 or not flags.max_mb >= 0:
        raise ConfigError(f"--crops and --max-mb: expected 0 or more, got {flags.crops} and {flags.max_mb:g}")
    runs = [read_run(folder, needs_tables=flags.gallery is None) for folder in flags.runs]
    pages = {run.name: flags.out or run.folder / REPORT_FILE for run in runs}
    if len(pages) < len(runs):
        raise ConfigError("two runs have the same name: rename one of their folders")
    with ExitStack() as stack:
        if flags.gallery is not None:
            store = stack.enter_context(SqliteStore(flags.gallery, "read"))
            runs = [as_in_gallery(run, store) for run in runs]
        for run in runs:
            _write(run, pages[run.name], pages, flags)
    return 0


def _write(run: RunContent, path: Path, pages: dict[str, Path], flags: argparse.Namespace) -> None:
    pictures = cut_pictures(run, flags.crops, not flags.no_video, int(flags.max_mb * 1e6))
    for note in (*run.notes, *pictures.notes):
        log.info("%s: %s", run.name, note)
    page = make_page(page_values(run, pictures, path, pages))
    write_text(path, page)
    people = len({visit.identity for visit in run.visits if visit.identity is not None})
    who = f"{people} people in {len(run.visits)} visits" if run.is_linked else f"{len(run.visits)} tracks, not linked"
    log.info("%s: %s, %s: %s", run.name, who, as_size(len(page)), path)


if __name__ == "__main__":
    sys.exit(main())
