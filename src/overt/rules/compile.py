"""Sources in, one pack out: split, route, and compile; ahead where the engine can read that back.

Everything that the engine will be given is compiled once here, so that a pack loads wherever it came from:
`share` compiles each rule without what matching does not need, and by itself what that leaves out; `prove` compiles all
of them as they will be loaded. Between the two, shares of one pack can be made by several processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import boreal
import msgspec

from overt.core.errors import PackError
from overt.engine.matcher import ENGINE, compile_sources
from overt.engine.pack import Pack, RuleRecord, pack_texts
from overt.rules.ahead import PART_RULES, Groups, merged_pieces, saved_whole
from overt.rules.check import EXTERNALS, accepted, closure, condense, heads, needed
from overt.rules.metadata import record
from overt.rules.routing import Router
from overt.rules.yara_source import Problem, Source, SourceRule, split

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""
Routes = Mapping[str, dict[str, str]]
"""Route → namespace → text, as `Pack.routes`."""


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


class Share(msgspec.Struct, frozen=True):
    """Rules of which each was compiled, and not yet all of them together with those of other shares."""

    records: dict[str, RuleRecord]
    routes: dict[str, dict[str, str]]
    compiled: dict[str, tuple[bytes, ...]]
    """Of few rules: every route whole."""
    parts: dict[str, tuple[bytes, ...]]
    """Of many. These four as in `Pack`."""
    texts: dict[str, str]
    """Record key → the rule's own text."""
    problems: tuple[Problem, ...]


def silent(step: str, done: int, total: int) -> None:
    """A `Tell` that nobody listens to."""


def build(texts: Sequence[RuleText], names: tuple[str, ...] = (), tell: Tell = silent) -> Built:
    """Merge `texts` into one pack. What a source contains is a problem and no error: see `Built.problems`. Raises
    `PackError` when the engine does not take all of it together."""
    built = merged([share(texts, tell)], names)
    prove(unproven(built.pack))
    return built


def share(texts: Sequence[RuleText], tell: Tell = silent) -> Share:
    """Split, route, and compile `texts`. Raises `PackError` when the engine takes each rule and not all of them."""
    sources = [split(text.source, text.text) for text in texts]
    try:
        return _share(texts, sources, tell)
    except boreal.Error:
        sources = _accepted(sources, tell)
    try:
        return _share(texts, sources, tell)
    except boreal.Error as error:
        raise PackError(f"the rule engine takes each rule, and not all of them: {error}") from None


def merged(shares: Sequence[Share], names: tuple[str, ...]) -> Built:
    """One pack of the shares of different sources, in their order. What is `unproven` of it is still to be proven."""
    records: dict[str, RuleRecord] = {}
    routes: dict[str, dict[str, str]] = {}
    texts: dict[str, str] = {}
    for one in shares:
        records |= one.records
        texts |= one.texts
        for route, spaces in one.routes.items():
            routes.setdefault(route, {}).update(spaces)
    compiled, parts = (
        (shares[0].compiled, shares[0].parts) if len(shares) == 1 else ({}, _parts(shares, routes))
    )
    pack = Pack(ENGINE, names, records, routes, compiled, EXTERNALS, pack_texts(texts), parts=parts)
    return Built(pack, tuple(chain.from_iterable(one.problems for one in shares)))


def unproven(pack: Pack) -> Routes:
    """The routes of a pack that are loaded in another way than they were compiled: from their texts, all together."""
    return {route: spaces for route, spaces in pack.routes.items() if len(pack.compiled.get(route, ())) != 1}


def prove(routes: Routes) -> None:
    """Compile each route as it will be when the pack is loaded. Raises `PackError` when the engine rejects it."""
    for route, spaces in routes.items():
        try:
            compile_sources(spaces, EXTERNALS)
        except boreal.Error as error:
            raise PackError(
                f"the rule engine rejects all rules of route {route!r} together: {error}"
            ) from None


def _share(texts: Sequence[RuleText], sources: Sequence[Source], tell: Tell) -> Share:
    """Raises `boreal.Error` when there is a rule that the engine rejects."""
    tell("checking rules", 0, len(sources))
    compile_sources({str(number): heads(source) for number, source in enumerate(sources)}, EXTERNALS)
    records: dict[str, RuleRecord] = {}
    originals: dict[str, str] = {}
    routes: dict[str, dict[str, str]] = {}
    router, groups = Router(), Groups()
    for number, (text, source) in enumerate(zip(texts, sources, strict=True)):
        tell("routing rules", number, len(texts))
        placed = router.routes_of(source.rules)
        for rule in source.rules:
            key = f"{text.namespace}:{rule.name}"
            known = record(rule, text.pack, text.source, text.author, text.licence)
            records[key] = msgspec.structs.replace(known, routes=placed[rule.name])
            originals[key] = rule.text
        for route, chosen in _by_route(source, placed).items():
            routes.setdefault(route, {})[text.namespace] = condense(source, chosen)
        groups.add(text.namespace, source, placed)
    tell("compiling rules", 0, 1)
    few = len(records) <= PART_RULES
    compiled, parts = (saved_whole(routes), {}) if few else ({}, groups.saved())
    tell("compiling rules", 1, 1)
    problems = (sorted(source.problems, key=lambda problem: problem.line) for source in sources)
    return Share(records, routes, compiled, parts, originals, tuple(chain.from_iterable(problems)))


def _accepted(sources: Sequence[Source], tell: Tell) -> list[Source]:
    """What the engine accepts of each."""
    found = []
    for number, source in enumerate(sources):
        tell("checking rules", number, len(sources))
        found.append(accepted(source))
    return found


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


def _parts(shares: Sequence[Share], routes: Routes) -> dict[str, tuple[bytes, ...]]:
    return merged_pieces([one.parts or one.compiled for one in shares], routes)
