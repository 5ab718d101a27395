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
    compiled = {}
    for number, (route, spaces) in enumerate(routes.items()):
        tell("compiling rules", number, len(routes))
        if ahead := _ahead(spaces):
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


def _ahead(spaces: dict[str, str]) -> bytes | None:
    """The engine's serialisation if the engine reads it back to the same rules (above about 1,000 rules
    Boreal 1.4 does not); else None, and the pack is compiled from its texts when loaded."""
    scanner = compile_sources(spaces, EXTERNALS)
    saved: bytes = scanner.save(to_bytes=True)
    try:
        again = boreal.load(data=saved)
    except boreal.Error:
        return None
    return saved if _identity(again) == _identity(scanner) else None


def _identity(scanner: Iterable[boreal.Rule]) -> list[tuple[str, str]]:
    return [(rule.namespace, rule.identifier) for rule in scanner]
