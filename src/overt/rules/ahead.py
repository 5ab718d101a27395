"""Rules compiled ahead, in pieces that the engine can read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import boreal

from overt.engine.matcher import compile_sources
from overt.engine.pack import COMMON
from overt.rules.check import EXTERNALS, closure, condense, needed
from overt.rules.routing import ALL_ROUTES
from overt.rules.yara_source import Source

PART_RULES = 900
"""Rules that are serialised together: Boreal 1.4 does not read back more than 1,024, those that they need included."""
Pieces = dict[str, tuple[bytes, ...]]
"""Route (or `COMMON`) → serialisations."""


class Parts:
    """Rules in parts of about `PART_RULES`: namespace → text of each."""

    def __init__(self) -> None:
        self.spaces: list[dict[str, str]] = []
        self._room = 0

    def add(self, namespace: str, source: Source, wanted: Sequence[str]) -> None:
        """Place these rules of one namespace, with those that they need and the global ones in each part."""
        needs = needed(source.rules)
        everywhere = [rule.name for rule in source.rules if rule.is_global]
        for start in range(0, len(wanted), PART_RULES):
            names = closure([*everywhere, *wanted[start : start + PART_RULES]], needs)
            rules = [rule for rule in source.rules if rule.name in names]
            if len(rules) > self._room:
                self.spaces.append({})
                self._room = PART_RULES
            self.spaces[-1][namespace] = condense(source, rules)
            self._room -= len(rules)


class Groups:
    """Rules by route, those on all routes apart, so that each is compiled about once."""

    def __init__(self) -> None:
        self._groups = {route: Parts() for route in (COMMON, *ALL_ROUTES)}

    def add(self, namespace: str, source: Source, placed: Mapping[str, tuple[str, ...]]) -> None:
        """Place the rules of one namespace by their routes (`overt.rules.routing.routes_of`)."""
        wanted: dict[str, list[str]] = {}
        for name, routes in placed.items():
            for route in (COMMON,) if len(routes) == len(ALL_ROUTES) else routes:
                wanted.setdefault(route, []).append(name)
        for route, names in wanted.items():
            self._groups[route].add(namespace, source, names)

    def saved(self) -> Pieces:
        """The pieces of every route; nothing if the engine does not read one of them back to the same rules. Raises
        `boreal.Error` when it rejects a rule."""
        return _whole({route: _saved(parts.spaces) for route, parts in self._groups.items()})


def saved_whole(routes: Mapping[str, dict[str, str]]) -> Pieces:
    """The one piece of each route, whose rules must be few; and as `Groups.saved`."""
    return _whole({route: _saved([spaces]) for route, spaces in routes.items()})


def merged_pieces(shares: Sequence[Pieces], routes: Iterable[str]) -> Pieces:
    """The pieces of rules that were compiled in shares; nothing if those of one are not there."""
    if not all(shares):
        return {}
    return {
        route: tuple(chain.from_iterable(one.get(route, ()) for one in shares)) for route in (COMMON, *routes)
    }


def _whole(found: Pieces) -> Pieces:
    return found if all(map(all, found.values())) else {}


def _saved(parts: Sequence[dict[str, str]]) -> tuple[bytes, ...]:
    """The engine's serialisation of each part; empty where it does not read it back to the same rules."""
    return tuple(_serialised(compile_sources(spaces, EXTERNALS)) for spaces in parts)


def _serialised(scanner: boreal.Scanner) -> bytes:
    saved = scanner.save(to_bytes=True)
    try:
        return saved if saved and _identity(boreal.load(data=saved)) == _identity(scanner) else b""
    except boreal.Error:
        return b""


def _identity(scanner: Iterable[boreal.Rule]) -> list[tuple[str, str]]:
    return [(rule.namespace, rule.identifier) for rule in scanner]
