"""From the ways of fulfilling a rule's condition to its grounds, its score and its level.

Points are added for what speaks of people and their documents and taken off for what speaks of code; the sum of the
most suspicious way decides. The points are the constants of this module and of `evidence`: nothing is learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import TypeVar

from overt.rules.review import facts
from overt.rules.review.evidence import SOFT_WEIGHT, is_token
from overt.rules.review.facts import SHORT, Fact
from overt.rules.review.lexicon import find
from overt.rules.review.model import Ground, Kind, Level, shown
from overt.rules.review.octets import Octet
from overt.rules.review.shape import Shape
from overt.rules.review.ways import EXTERNALS, Computed, Digest, Needs, Size, Value, Way
from overt.rules.yara_source import SourceRule

T = TypeVar("T")
EXPLAIN_FROM, REFUSE_FROM = 30, 60
"""Lowest scores of each level."""
EXECUTABLE_POINTS = 60
MAX_TEXT_POINTS = 80
MARKING_POINTS = 20
"""Most points that texts can take off a way that looks for a marking: code-like words are soon added."""
PROSE_WEIGHT, NO_CODE_WEIGHT, NARROW_WEIGHT = 29, 20, 25
FILE_DIGEST_WEIGHT, PIECE_DIGEST_WEIGHT, COMPUTED_WEIGHT, OWNER_WEIGHT = 35, 60, 20, 70
CONTRADICTION_WEIGHT = 10
NAMED_WEIGHT, NAME_POINTS = 50, 10
"""A document's name as the file's own; and the most that a file's name can speak of code."""
CONTRADICTED = frozenset((Kind.MARKING, Kind.SENSITIVE, Kind.TOPIC, Kind.ACCOUNT, Kind.PIECE_DIGEST))
"""Grounds that a description of malware does not go with."""
NARROW_BYTES = 64
"""A file size known this exactly fits few files."""
EXECUTABLE_MODULES = frozenset(("pe", "elf", "macho", "dotnet", "dex", "lnk", "vba", "crx"))
MAGICS = (
    b"MZ",
    b"\x7fELF",
    b"\x7fE",
    b"\xfe\xed\xfa",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xbe\xba\xfe\xca",
    b"dex\n",
    b"\x4c\x00\x00\x00\x01\x14",
    b"\x4c\x00\x00\x00",
    b"PE\x00\x00",
    b"#!",
    b"CWS",
    b"FWS",
    b"ZWS",
    b"<?php",
    b"\x00asm",
)
"""What programs start with, or have in their headers. Not documents and containers of documents."""
MAX_PERMUTED = 4
LITTLE_POINTS, LITTLE_WEIGHT = 20, 50
"""For one bare word that looks like an identifier: 30 points remain."""
KNOWN_FROM = 64
"""Possible values of a byte from which on nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The level of one rule, its score, and the grounds of its most suspicious way."""

    level: Level
    score: int
    grounds: tuple[Ground, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One rule with everything that its ways refer to."""

    rule: SourceRule
    facts: Mapping[tuple[str, int], Fact]
    programs_only: bool
    """Routing says that it can match nothing but programs."""
    ordinary: Callable[[str], bool]


def judge(case: Case, found: Sequence[Way]) -> Judgement:
    """The judgement by the worst of the ways."""
    judged = [_way(case, way) for way in found]
    return max(judged, key=lambda judgement: judgement.score, default=Judgement(Level.PASS, 0, ()))


def level_of(score: int) -> Level:
    """The level that a score stands for."""
    return Level.REFUSE if score >= REFUSE_FROM else Level.EXPLAIN if score >= EXPLAIN_FROM else Level.PASS


def _way(case: Case, way: Way) -> Judgement:
    texts = [
        case.facts[atom.rule, atom.index]
        for atom in sorted(_only(way, Needs), key=lambda n: (n.rule, n.index))
    ]
    spelled = list(_spelled(way, case.ordinary))
    values = list(_values(way, case.ordinary))
    everything = [*texts, *spelled, *values]
    grounds: dict[Kind, Ground] = {}
    for fact in everything:
        _add(grounds, fact.grounds)
    _add(grounds, _pieces(texts, case.ordinary))
    _add(grounds, _of_atoms(case, way))
    programs = case.programs_only or _is_program(way, texts)
    points = min(sum(fact.code for fact in everything), MAX_TEXT_POINTS)
    _add(grounds, _context(case, everything, grounds, programs, points))
    marked = Kind.MARKING in grounds
    if marked and not programs:
        points = min(points, MARKING_POINTS)
    total = points + (EXECUTABLE_POINTS if programs else 0)
    weights = [ground.weight for ground in grounds.values()]
    soft = sum(weight for weight in weights if weight <= SOFT_WEIGHT)
    score = sum(weights) - soft + min(soft, SOFT_WEIGHT) - total
    if marked or (Kind.NO_CODE in grounds and not total):
        score = max(score, EXPLAIN_FROM)
    if score < EXPLAIN_FROM and not grounds:
        return Judgement(Level.PASS, max(score, 0), ())
    if total:
        _add(grounds, [_code_ground(programs, points)])
    ordered = sorted(grounds.values(), key=lambda ground: (-ground.weight, ground.kind, ground.where))
    return Judgement(level_of(score), score, tuple(ordered))


def _only(way: Way, kind: type[T]) -> list[T]:
    return [atom for atom in way if isinstance(atom, kind)]


def _add(grounds: dict[Kind, Ground], more: Iterable[Ground]) -> None:
    """Of each kind the heaviest, and of equals the first: ten words of one kind are no ten reasons."""
    for ground in more:
        if ground.kind not in grounds or ground.weight > grounds[ground.kind].weight:
            grounds[ground.kind] = ground


def _code_ground(programs: bool, points: int) -> Ground:
    parts = ["it matches programs only"] if programs else []
    if points:
        parts.append("other things that it needs are those of code or of malware")
    total = points + (EXECUTABLE_POINTS if programs else 0)
    return Ground(Kind.CODE, "condition", " and ".join(parts), "", -total)


def runs(way: Way) -> list[Shape]:
    """Bytes that the way spells out, as far as they follow each other (gaps of up to three bytes are bridged)."""
    by_base: dict[str, dict[int, frozenset[int]]] = {}
    for octet in _only(way, Octet):
        places = by_base.setdefault(octet.base, {})
        places[octet.offset] = places.get(octet.offset, frozenset(range(256))) & octet.allowed
    found = []
    for _, places in sorted(by_base.items()):
        chosen = [(at, options) for at, options in sorted(places.items()) if 0 < len(options) <= KNOWN_FROM]
        run: list[frozenset[int]] = []
        for number, (at, options) in enumerate(chosen):
            if number and at - chosen[number - 1][0] > 4:
                found.append(tuple(run))
                run = []
            run.append(options)
        found.append(tuple(run))
    return [run for run in found if run]


def _starts_program(run: Shape) -> bool:
    known = bytes(min(options) for options in run if len(options) == 1)
    return len(run) > 1 and len(run[0]) == 1 and known.startswith(MAGICS)


def _spelled(way: Way, ordinary: Callable[[str], bool]) -> Iterable[Fact]:
    for run in runs(way):
        if len(run) >= 3 and not _starts_program(run):
            yield facts.of_octets(run, "condition", ordinary)


def _values(way: Way, ordinary: Callable[[str], bool]) -> Iterable[Fact]:
    """Texts that fields and variables are compared with. A field of a program is itself evidence of code."""
    for value in sorted(_only(way, Value), key=str):
        if value.text and value.path[-1] != "filetype":
            fact = facts.of_text(value.text, ".".join(value.path), ordinary)
            yield _as_name(fact) if value.path[0] in EXTERNALS else fact


def _as_name(fact: Fact) -> Fact:
    """What a file is called says nothing of code; that it is called like a document says more than in a text."""
    grounds = [
        replace(ground, weight=NAMED_WEIGHT) if ground.kind is Kind.FILE_NAME else ground
        for ground in fact.grounds
    ]
    return Fact(fact.where, fact.readings, tuple(grounds), min(fact.code, NAME_POINTS), fact.prose)


def _is_program(way: Way, texts: Sequence[Fact]) -> bool:
    if any(value.path[0] in EXECUTABLE_MODULES for value in _only(way, Value)):
        return True
    return any(_starts_program(run) for run in runs(way))


def _pieces(texts: Sequence[Fact], ordinary: Callable[[str], bool]) -> Iterable[Ground]:
    """Markings cut into several strings: side by side as written, and, when there are few, in every order."""
    short = [
        (fact.where, fact.readings[0].text)
        for fact in texts
        if fact.readings and len(fact.readings[0].text) <= SHORT
    ]
    if not 2 <= len(short) <= 24:
        return
    orders = permutations(short) if len(short) <= MAX_PERMUTED else (tuple(short), tuple(short[::-1]))
    for order in orders:
        where = ", ".join(name for name, _ in order)
        fact = facts.of_pieces((text for _, text in order), where, ordinary)
        if fact:
            yield from fact.grounds
            return


def _of_atoms(case: Case, way: Way) -> Iterable[Ground]:
    """Grounds that lie in the condition and not in a text."""
    for value in _only(way, Value):
        if value.path[0] == "owner":
            yield Ground(
                Kind.OWNER, "condition", "names the owner of the file", shown(value.text), OWNER_WEIGHT
            )
    for digest in sorted(_only(way, Digest), key=str):
        if digest.whole:
            text = "looks for one file by its digest; what that file is cannot be seen from the rule"
            yield Ground(Kind.FILE_DIGEST, "condition", text, shown(digest.text), FILE_DIGEST_WEIGHT)
        else:
            text = "compares the digest of a piece of the file, which hides what the piece is"
            yield Ground(Kind.PIECE_DIGEST, "condition", text, shown(digest.text), PIECE_DIGEST_WEIGHT)
    for value in sorted(_only(way, Value), key=str):
        if value.path[0] == "math":
            text = "compares statistics of the file's bytes, which does not tell what is looked for"
            yield Ground(Kind.COMPUTED, "condition", text, ".".join(value.path), COMPUTED_WEIGHT)
    for computed in sorted(_only(way, Computed), key=str):
        text = "computes with the file's bytes in a way that hides what is looked for"
        yield Ground(Kind.COMPUTED, "condition", text, shown(computed.text), COMPUTED_WEIGHT)
    low = max((size.low for size in _only(way, Size) if size.low is not None), default=None)
    high = min((size.high for size in _only(way, Size) if size.high is not None), default=None)
    if low is not None and high is not None and 0 <= high - low < NARROW_BYTES:
        span = f"{low} bytes" if low == high else f"{low} to {high} bytes"
        yield Ground(Kind.NARROW, "condition", f"fits only files of {span}", span, NARROW_WEIGHT)


def _context(
    case: Case, everything: Sequence[Fact], grounds: Mapping[Kind, Ground], programs: bool, points: int
) -> Iterable[Ground]:
    """What the way as a whole says: nothing but prose, nothing of code, and metadata that claims otherwise."""
    if programs:
        return
    texts = [fact for fact in everything if fact.readings and fact.prose is not None]
    if texts and all(fact.prose for fact in texts):
        text = "everything it needs is words that a person could have written"
        yield Ground(Kind.PROSE, texts[0].where, text, shown(texts[0].readings[0].text), PROSE_WEIGHT)
    named = [fact for fact in everything if fact.code]
    if points == LITTLE_POINTS and len(named) == 1 and is_token(named[0].readings[0].text):
        text = "it can match plain documents, and all that is not a document's own is one word: it could name anything"
        yield Ground(Kind.NO_CODE, named[0].where, text, shown(named[0].readings[0].text), LITTLE_WEIGHT)
    if points == 0:
        text = "it can match plain documents, and nothing that it needs speaks of code"
        yield Ground(Kind.NO_CODE, "condition", text, "", NO_CODE_WEIGHT)
        claimed = " ".join(
            value for key, value in case.rule.meta if key.lower() in ("description", "desc", "details")
        )
        terms = find(f"{claimed} {case.rule.name.replace('_', ' ')}", ("crime",))
        if terms and grounds.keys() & CONTRADICTED:
            text = f"its metadata speaks of malware (“{terms[0].text}”), its patterns don't"
            yield Ground(
                Kind.CONTRADICTION, "meta", text, shown(claimed or case.rule.name), CONTRADICTION_WEIGHT
            )
