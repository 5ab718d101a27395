"""Sources in, one pack out: split, check, route, and compile ahead where the engine can read it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import boreal
import msgspec

from overt.engine.matcher import ENGINE, compile_sources
from overt.engine.pack import Pack, RuleRecord, pack_texts
from overt.rules.check import EXTERNALS, accepted, assemble, closure, condense, needed
from overt.rules.metadata import record
from overt.rules.routing import routes_of
from overt.rules.yara_source import Problem, Source, SourceRule, split

PART_RULES = 900
"""Rules that are serialised together: Boreal 1.4 does not read back more than 1,024, those that they need included."""

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class RuleText:
    """One file of YARA rules on its way into a pack."""

    pack: str
    source: str
    """Its name inside the pack, shown in messages and findings."""
    text: str
    author: str = ""
    licence: str = ""

    @property
    def namespace(self) -> str:
        return f"{self.pack}/{self.source}"


@dataclass(frozen=True, slots=True)
class Built:
    """A pack and what did not make it into it."""

    pack: Pack
    problems: tuple[Problem, ...]


def silent(step: str, done: int, total: int) -> None:
    """A `Tell` that nobody listens to."""


def build(texts: Sequence[RuleText], names: tuple[str, ...] = (), tell: Tell = silent) -> Built:
    """Merge `texts` into one pack. Never raises for what a source contains: see `Built.problems`."""
    sources = _check([split(text.source, text.text) for text in texts], tell)
    records: dict[str, RuleRecord] = {}
    rule_texts: dict[str, str] = {}
    routes: dict[str, dict[str, str]] = {}
    parts: dict[str, _Parts] = {}
    for number, (text, source) in enumerate(zip(texts, sources, strict=True)):
        tell("routing rules", number, len(texts))
        placed = routes_of(source.rules)
        for rule in source.rules:
            key = f"{text.namespace}:{rule.name}"
            known = record(rule, text.pack, text.source, text.author, text.licence)
            records[key] = msgspec.structs.replace(known, routes=placed[rule.name])
            rule_texts[key] = rule.text
        for route, chosen in _by_route(source, placed).items():
            routes.setdefault(route, {})[text.namespace] = condense(source, chosen)
            parts.setdefault(route, _Parts()).add(text.namespace, source, chosen)
    compiled = {}
    for number, route in enumerate(routes):
        tell("compiling rules", number, len(routes))
        if ahead := _ahead(parts[route].spaces):
            compiled[route] = ahead
    tell("compiling rules", len(routes), len(routes))
    pack = Pack(ENGINE, names, records, routes, compiled, EXTERNALS, pack_texts(rule_texts))
    problems = (sorted(source.problems, key=lambda problem: problem.line) for source in sources)
    return Built(pack, tuple(chain.from_iterable(problems)))


def _check(sources: list[Source], tell: Tell) -> list[Source]:
    """Only what the engine accepts; usually that is everything, and one compilation tells."""
    everything = {str(number): assemble(source, source.rules) for number, source in enumerate(sources)}
    try:
        tell("checking rules", 0, len(sources))
        compile_sources(everything, EXTERNALS)
        return sources
    except boreal.Error:
        checked = []
        for number, source in enumerate(sources):
            tell("checking rules", number, len(sources))
            checked.append(accepted(source))
        return checked


def _by_route(source: Source, placed: dict[str, tuple[str, ...]]) -> dict[str, list[SourceRule]]:
    """Route → rules to compile there: those placed on it, what they refer to, and global ones."""
    needs = needed(source.rules)
    everywhere = [rule.name for rule in source.rules if rule.is_global]
    wanted: dict[str, list[str]] = {}
    for rule in source.rules:
        for route in placed[rule.name]:
            wanted.setdefault(route, []).append(rule.name)
    chosen = {route: closure(chain(names, everywhere), needs) for route, names in wanted.items()}
    return {route: [rule for rule in source.rules if rule.name in names] for route, names in chosen.items()}


class _Parts:
    """A route's rules in parts of about `PART_RULES`: namespace → text of each."""

    def __init__(self) -> None:
        self.spaces: list[dict[str, str]] = []
        self._room = 0

    def add(self, namespace: str, source: Source, chosen: list[SourceRule]) -> None:
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


def _ahead(parts: list[dict[str, str]]) -> tuple[bytes, ...]:
    """The engine's serialisation of each part; nothing if it does not read one of them back to the same rules, and
    the route is then compiled from its texts whenever it is loaded."""
    saved = []
    for spaces in parts:
        scanner = compile_sources(spaces, EXTERNALS)
        saved.append(scanner.save(to_bytes=True))
        try:
            if _identity(boreal.load(data=saved[-1])) != _identity(scanner):
                return ()
        except boreal.Error:
            return ()
    return tuple(saved)


def _identity(scanner: Iterable[boreal.Rule]) -> list[tuple[str, str]]:
    return [(rule.namespace, rule.identifier) for rule in scanner]
