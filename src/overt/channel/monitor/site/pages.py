"""The site, brought up to date: only what is out of date by the state, and the overview last."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overt.channel.monitor import answer
from overt.channel.monitor.moment import moment
from overt.channel.monitor.record import ItemRow, ReleaseRow
from overt.channel.monitor.site import feeds, look, render
from overt.channel.monitor.site.feeds import Entry
from overt.channel.monitor.site.files import SiteFolder
from overt.channel.monitor.site.render import Renderer
from overt.channel.monitor.state import State

NEWEST = 30
"""Releases on the overview."""
MAX_EVENTS = 300
"""Changes shown on one release's page."""
MAX_ALARMS = 100
ONE_PAGE = 500
"""Rules on one page; more are divided by their first letters."""
INDEX = "index"


def write(state: State, folder: Path, base: str = "") -> int:
    """Bring the site in `folder` up to date; `base` is its address, for the feeds. How many files changed.

    Raises `OSError`: what was not written then is written next time, and what is there is whole.
    """
    return _Site(state, SiteFolder(folder), base).write()


class _Site:
    """One pass over what is out of date."""

    def __init__(self, state: State, files: SiteFolder, base: str) -> None:
        self._state, self._files = state, files
        self._base = base if not base or base.endswith("/") else f"{base}/"
        self._renderer = Renderer(state.fact("channel"), state.fact("origin"))
        self._stamp = f"{render.stamp()} {self._base}"

    def write(self) -> int:
        """Everything that is out of date."""
        if self._state.fact("stamp") != self._stamp or not self._files.has("index.html"):
            self._state.soil_all()
        dirty = self._state.dirty()
        if not dirty:
            return 0
        self._rows = {row.serial: row for row in self._state.releases()}
        for name in render.STATIC:
            self._files.write(name, (render.FOLDER / name).read_bytes())
        self._rule_pages({page.partition(" ")[2] for page in dirty if page.startswith("rule ")})
        for page in dirty:
            if page.startswith("release "):
                self._release(int(page.partition(" ")[2]))
        if any(page != INDEX for page in dirty):
            self._lists()
        self._overview()
        self._state.clean(dirty)
        self._state.note("stamp", self._stamp)
        return self._files.written

    def _page(self, path: str, template: str, title: str, tone: str = "", **values: Any) -> None:
        up = "../" * path.count("/")
        self._files.write(path, self._renderer.page(template, up, tone, title, **values))

    def _json(self, path: str, value: object) -> None:
        self._files.write(path, json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n")

    def _rule_pages(self, ids: set[str]) -> None:
        """Pages of rules, and what programs read of all rules of the same name."""
        names = set()
        for id in sorted(ids):
            item = self._state.item(id)
            if item is None:
                continue
            names.add(item.name)
            events = [(one, self._rows[one.serial]) for one in reversed(self._state.events(item=id))]
            self._page(f"rules/{id}.html", "rule", render.cut(item.name), item=item, events=events)
        for name in sorted(names):
            told = look.history(self._state, name, self._rows)
            self._files.write(answer.path_of(name), answer.encode(told))

    def _release(self, serial: int) -> None:
        row = self._rows.get(serial)
        if row is None:
            return
        order = {"appeared": 0, "changed": 1, "vanished": 2}
        events = sorted(
            self._state.events(serial=serial), key=lambda one: (order[one.what], one.part, one.name)
        )
        self._page(
            f"releases/{serial}.html",
            "release",
            f"Release {serial}",
            "infected" if row.problems else "incomplete" if row.missing else "clean",
            row=row,
            facts=_release_facts(row),
            events=events[:MAX_EVENTS],
            more=len(events) > MAX_EVENTS,
            before=serial - 1 in self._rows,
            after=serial + 1 in self._rows,
        )

    def _lists(self) -> None:
        """All releases, and all rules by name."""
        newest_first = sorted(self._rows.values(), key=lambda row: -row.serial)
        self._page("releases.html", "releases", "Releases", releases=newest_first)
        items, touched = self._state.items(), self._state.touched()
        rows = [(item, *touched[item.id]) for item in items if item.id in touched]
        if len(rows) <= ONE_PAGE:
            self._rules("rules.html", "", [], rows, len(rows))
            return
        groups: dict[str, list[tuple[ItemRow, int, int]]] = {}
        for row in rows:
            groups.setdefault(_letter(row[0].name), []).append(row)
        letters = [(name, f"rules-{name}.html", len(group)) for name, group in sorted(groups.items())]
        for name, page, _ in letters:
            self._rules(page, name, letters, groups[name], len(rows))
        self._rules("rules.html", "", letters, [], len(rows))

    def _rules(
        self,
        path: str,
        letter: str,
        letters: list[tuple[str, str, int]],
        rows: list[tuple[ItemRow, int, int]],
        total: int,
    ) -> None:
        self._page(path, "rules", "Rules", letter=letter, letters=letters, rows=rows, total=total)

    def _overview(self) -> None:
        """What leads to everything else: last."""
        state = self._state
        alarms = state.alarms(MAX_ALARMS)
        for one in alarms:
            for name, data in state.evidence(one.id).items():
                self._files.write(f"evidence/{one.id}/{name}", data)
        entries = list(_entries(list(self._rows.values()), [look.alarm(one) for one in alarms], state))
        entries.sort(key=lambda one: (-one.time_s, one.id))
        title, origin = f"Rule channel {state.fact('channel')}", state.fact("origin")
        newest = entries[: feeds.ENTRIES]
        self._files.write("feed.atom", feeds.atom(title, origin, self._base, newest))
        self._files.write("feed.json", feeds.json_feed(title, origin, self._base, newest))
        self._json("api/status.json", look.status(state))
        tone = look.tone(state)
        releases = sorted(self._rows.values(), key=lambda row: -row.serial)
        self._page(
            "index.html",
            "index",
            "Overview",
            tone,
            headline=look.TITLES[tone],
            looked=moment(int(state.fact("looked_s") or 0)),
            facts=_facts(state, releases),
            keys=look.keys_of(state),
            conditions=state.conditions(),
            alarms=[{**look.alarm(one), "grave": one.kind in look.GRAVE} for one in alarms],
            releases=releases[:NEWEST],
            total=len(releases),
            more=len(releases) > NEWEST,
        )


def _facts(state: State, releases: list[ReleaseRow]) -> list[tuple[str, str, str]]:
    """(label, figure, more) per tile."""
    newest = releases[0] if releases else None
    known = f"the newest since {render.day(look.when(newest))}" if newest else "none yet"
    whole = sum(1 for row in releases if not row.missing and not row.problems)
    rebuilt = sum(1 for row in releases if "byte for byte" in row.rebuilt or "carried on" in row.rebuilt)
    count = len(releases)
    return [
        ("releases", f"{count:,}", known),
        (
            "rules in force",
            f"{newest.rules if newest else 0:,}",
            f"and {newest.hashes if newest else 0:,} hashes",
        ),
        ("passed every check", f"{whole:,} of {count:,}", "signatures, metadata, review, reasons"),
        ("built again", f"{rebuilt:,} of {count:,}", "from published sources, the same bytes"),
    ]


def _release_facts(row: ReleaseRow) -> list[tuple[str, str, str]]:
    changed = row.appeared + row.changed + row.vanished
    cosigned = sum(one.role == "witness" for one in row.signers)
    signed = sum(one.role == "targets" for one in row.signers)
    return [
        ("rules", f"{row.rules:,}", f"and {row.hashes:,} hashes"),
        ("changes", f"{changed:,}", f"{row.appeared:,} new, {row.changed:,} changed, {row.vanished:,} gone"),
        ("signed by", f"{signed:,}", "holders of targets keys"),
        ("witnessed by", f"{cosigned:,}", "when it was first seen here"),
    ]


def _letter(name: str) -> str:
    first = name[:1].lower()
    return first if first in string.ascii_lowercase and first else "other"


def _entries(rows: list[ReleaseRow], alarms: list[dict[str, Any]], state: State) -> Iterator[Entry]:
    times = {one.id: one.time_s for one in state.alarms(MAX_ALARMS)}
    for row in rows:
        text = f"{row.appeared:,} rules new, {row.changed:,} changed, {row.vanished:,} gone; {row.rules:,} in force."
        if row.problems:
            text += " Problems: " + "; ".join(one.text for one in row.problems)
        page = f"releases/{row.serial}.html"
        yield Entry(f"release {row.serial}", f"Release {row.serial}", text, page, row.seen_s, "release")
    for one in alarms:
        text = f"{one['text']}. {one['advice']}"
        page = f"index.html#alarm-{one['id']}"
        yield Entry(f"alarm {one['id']}", f"ALARM: {one['kind']}", text, page, times[one["id"]], one["kind"])
