"""Rules compiled ahead, in parts that the engine can read back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import boreal

from overt.engine.matcher import compile_sources
from overt.rules.check import EXTERNALS, closure, condense, needed
from overt.rules.yara_source import Source, SourceRule

PART_RULES = 900
"""Rules that are serialised together: Boreal 1.4 does not read back more than 1,024, those that they need included."""


class Parts:
    """A route's rules in parts of about `PART_RULES`: namespace → text of each."""

    def __init__(self) -> None:
        self.spaces: list[dict[str, str]] = []
        self._room = 0

    def add(self, namespace: str, source: Source, chosen: Sequence[SourceRule]) -> None:
        """Place the rules of one namespace, with those that they need and the global ones in each part."""
        needs = needed(source.rules)
        everywhere = [rule.name for rule in chosen if rule.is_global]
        for start in range(0, len(chosen), PART_RULES):
            names = closure([*everywhere, *(rule.name for rule in chosen[start : start + PART_RULES])], needs)
            rules = [rule for rule in chosen if rule.name in names]
            if len(rules) > self._room:
                self.spaces.append({})
                self._room = PART_RULES
            self.spaces[-1][namespace] = condense(source, rules)
            self._room -= len(rules)


def ahead(parts: Sequence[dict[str, str]]) -> tuple[bytes, ...]:
    """The engine's serialisation of each part; nothing if it does not read one of them back to the same rules, and
    the route is then compiled from its texts whenever it is loaded. Raises `boreal.Error` when it rejects a rule."""
    scanners = (compile_sources(spaces, EXTERNALS) for spaces in parts)
    saved = [_saved(scanner) for scanner in scanners]
    return tuple(part for part in saved if part) if all(saved) else ()


def _saved(scanner: boreal.Scanner) -> bytes:
    """Empty when it can't be read back."""
    saved = scanner.save(to_bytes=True)
    try:
        return saved if saved and _identity(boreal.load(data=saved)) == _identity(scanner) else b""
    except boreal.Error:
        return b""


def _identity(scanner: Iterable[boreal.Rule]) -> list[tuple[str, str]]:
    return [(rule.namespace, rule.identifier) for rule in scanner]
