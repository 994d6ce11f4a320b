"""Who is who by the gallery, which knows corrections, names and who is forgotten, instead of by the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mdpr.errors import ConfigError
from mdpr.pipeline.report_page.link_files import is_number
from mdpr.pipeline.report_page.reading import UNKNOWN_START, in_order, with_starts
from mdpr.pipeline.report_page.run_content import LinkLine, RunContent, Visit
from mdpr.pipeline.store import Filters, Link, Run, Store, TrackletKey
from mdpr.trackers.crosscamera import Verdict


def as_in_gallery(run: RunContent, store: Store) -> RunContent:
    """The run as the gallery has it now: visits, identities, names, links, crops and the time of day.

    Args:
        run: as its folder has it.
        store: must stay open as long as `kept_crops` is used.

    Raises:
        ConfigError: the gallery does not have the run.
    """
    stored = {one.name: one for one in store.runs()}
    run = replace(run, name=_name_of(run, stored))
    if run.name not in stored:
        known = ", ".join(sorted(stored)[:20]) or "none"
        raise ConfigError(
            f"{store.description}: has no run {run.name}; its runs: {known}. Add it with "
            f"mdpr-link {run.folder} --gallery FILE, or leave --gallery out"
        )
    still = {visit.key[:3] for visit in run.visits if visit.is_still}  # the gallery does not keep it
    visits = [
        Visit(one.key, one.tracklet, one.tracklet.start_s, one.tracklet.end_s, one.identity, one.key[:3] in still)
        for one in store.tracklets(Filters(runs=(run.name,)))
    ]
    identities = store.identities()
    person = {key: identity.number for identity in identities for key in identity.members}
    known_from = stored[run.name].config.get("started_from", {})
    begin = {
        name: camera.started_s
        for name, camera in stored[run.name].cameras.items()
        if known_from.get(name) != UNKNOWN_START
    }
    cameras, first_s = with_starts([replace(one, notes=()) for one in run.cameras], begin)
    there = {visit.key[:3] for visit in visits}
    missing = len({visit.key[:3] for visit in run.visits} - there)
    notes = [f"{missing} tracks of the run are not in the gallery, and left out."] if missing else []
    return replace(
        run,
        cameras=cameras,
        visits=in_order(visits),
        links=tuple(_line(link, person) for link in store.links() if run.name in (link.a.run, link.b.run)),
        is_linked=any(visit.identity is not None for visit in visits),
        names={identity.number: identity.name for identity in identities if identity.name},
        started_s=first_s,
        notes=tuple(notes),
        kept_crops=store.crops,
    )


def _name_of(run: RunContent, stored: Mapping[str, Run]) -> str:
    """Of a run in the gallery, where another one may have had its name first; links tell that of a run with tables."""
    begun_s = run.info.get("started_s")
    if run.visits or run.name not in stored or stored[run.name].started_s == begun_s:
        return run.name
    same = [name for name, one in stored.items() if name.startswith(f"{run.name}-") and one.started_s == begun_s]
    return same[0] if same else run.name


def _line(link: Link, person: Mapping[TrackletKey, int]) -> LinkLine:
    reasons = dict(link.reasons)
    probability = reasons.pop("probability", None)
    return LinkLine(
        link.a, link.b, link.is_joined, Verdict(link.verdict), probability if is_number(probability) else None, reasons,
        (person.get(link.a), person.get(link.b)),
    )  # fmt: skip
