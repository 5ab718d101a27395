"""The site of a program's log: one page with every version and what it changed, feeds, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overt.channel.monitor.moment import moment
from overt.channel.monitor.record import ProgramRow
from overt.channel.monitor.site import feeds, look, render
from overt.channel.monitor.site.feeds import Entry
from overt.channel.monitor.site.files import SiteFolder
from overt.channel.monitor.site.pages import MAX_ALARMS
from overt.channel.monitor.site.render import Renderer
from overt.channel.monitor.state import State

SCHEMA = "overt-program-history/1"
MAX_CHANGES = 400
"""Changed files of one version that the page shows; the JSON has all."""
TITLES = {
    "clean": "One history, one program for each version",
    "incomplete": "Not everything could be checked",
    "infected": "Something is wrong with these releases",
}


def write(state: State, folder: Path, base: str = "") -> int:
    """Bring the site in `folder` up to date, as `pages.write`."""
    files = SiteFolder(folder)
    base = base if not base or base.endswith("/") else f"{base}/"
    origin, rows, tone = state.fact("origin"), state.programs(), look.tone(state)
    for name in render.STATIC:
        files.write(name, (render.FOLDER / name).read_bytes())
    alarms = state.alarms(MAX_ALARMS)
    for one in alarms:
        for name, data in state.evidence(one.id).items():
            files.write(f"evidence/{one.id}/{name}", data)
    files.write("api/releases.json", _json(history(state)))
    entries = sorted(_entries(rows, state), key=lambda one: (-one.time_s, one.id))[: feeds.ENTRIES]
    title = f"Releases in {origin}"
    files.write("feed.atom", feeds.atom(title, origin, base, entries))
    files.write("feed.json", feeds.json_feed(title, origin, base, entries))
    page = Renderer(state.fact("channel"), origin).page(
        "programs",
        "",
        tone,
        "Releases",
        headline=TITLES[tone],
        looked=moment(int(state.fact("looked_s") or 0)),
        rows=rows,
        most=MAX_CHANGES,
        conditions=state.conditions(),
        alarms=[{**look.alarm(one), "grave": one.kind in look.GRAVE} for one in alarms],
    )
    files.write("index.html", page)
    return files.written


def history(state: State) -> dict[str, Any]:
    """Every entry, oldest first: `overt-program-history/1`."""
    tone = look.tone(state)
    return {
        "schema": SCHEMA,
        "origin": state.fact("origin"),
        "health": {"clean": "good", "incomplete": "unsure", "infected": "bad"}[tone],
        "looked": moment(int(state.fact("looked_s") or 0)),
        "root_hash": state.head.root.hex(),
        "entries": [_told(row) for row in reversed(state.programs())],
        "alarms": [look.alarm(one) for one in state.alarms()],
    }


def _told(row: ProgramRow) -> dict[str, Any]:
    return {
        "index": row.index,
        "program": row.program,
        "version": row.version,
        "record": row.record,
        "known_since": moment(min([one.time_s for one in row.signers] or [row.seen_s])),
        "wheel": _file(row.wheel),
        "sbom": _file(row.sbom),
        "files": row.files,
        "changes": [{"what": what, "path": path, "sha256": digest} for what, path, digest in row.changes],
        "requires": [{"name": n, "before": before, "after": after} for n, before, after in row.requires],
        "witnesses": [{"name": one.name, "cosigned": moment(one.time_s)} for one in row.signers],
        "problems": [one.text for one in row.problems],
        "missing": row.missing,
    }


def _file(one: tuple[str, str, int]) -> dict[str, Any] | None:
    name, sha256, size = one
    return {"name": name, "sha256": sha256, "bytes": size} if name else None


def _entries(rows: list[ProgramRow], state: State) -> Iterator[Entry]:
    for row in rows:
        text = (
            f"{row.wheel[0]}, SHA-256 {row.wheel[1]}; {len(row.changes):,} files changed."
            if row.wheel[0]
            else ""
        )
        text = "; ".join([text or f"Incomplete: {row.missing}", *(one.text for one in row.problems)])
        title = f"{row.program} {row.version}" if row.program else f"Entry {row.index}"
        yield Entry(f"entry {row.index}", title, text, f"index.html#entry-{row.index}", row.seen_s, "release")
    for one in state.alarms(MAX_ALARMS):
        told = look.alarm(one)
        text = f"{told['text']}. {told['advice']}"
        yield Entry(
            f"alarm {one.id}",
            f"ALARM: {one.kind}",
            text,
            f"index.html#alarm-{one.id}",
            one.time_s,
            one.kind.value,
        )


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace") + b"\n"
