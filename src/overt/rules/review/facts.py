"""What is known of each string of a rule: what it spells, what in that speaks of people, and how much of code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from overt.rules.review.evidence import code_points, grounds_of, is_prose, shapes_of
from overt.rules.review.lexicon import GAP, find
from overt.rules.review.model import Ground, Kind, shown
from overt.rules.review.readings import Reading, ambiguous, octet_readings, readings, spelled
from overt.rules.review.samples import sampled
from overt.rules.review.shape import Shape, regex_shapes, shapes
from overt.rules.yara_source import Pattern
from overt.rules.yara_tokens import Kind as TokenKind
from overt.rules.yara_tokens import Token, unquote

CONCEALING = ("xor", "base64", "base64wide", "hexadecimal text", "base64 text", "arithmetic", "pieces")
"""Tricks that hide from a reader of the rule what it looks for."""
HEX = "hex string"
"""Hides it too, but honest rules are written so: it counts beside a marking only."""
CONCEALED_WEIGHT = 20
ZIP_CHECKSUM_END = 18
"""Bytes of a zip's local header up to the end of the member's CRC-32 (APPNOTE.TXT 4.3.7)."""
SHORT = 12
"""Characters up to which a string may be a piece of a longer one."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One text that a rule needs: its grounds, its points for code, and whether it is prose without malware's words."""

    where: str
    readings: tuple[Reading, ...]
    grounds: tuple[Ground, ...]
    code: int
    prose: bool | None
    """None: neither, as numbers and addresses are."""

    @property
    def suspicion(self) -> int:
        """How much it speaks of people rather than of code, in points."""
        return sum(ground.weight for ground in self.grounds) - self.code


def of_pattern(pattern: Pattern, ordinary: Callable[[str], bool]) -> Fact:
    """The facts of one string; `ordinary` tells texts that innocent documents contain for technical reasons."""
    key = (pattern.identifier, pattern.value.kind, pattern.value.text, pattern.modifiers)
    return _of_pattern(*key, ordinary)


@lru_cache(maxsize=1 << 17)
def _of_pattern(
    identifier: str, kind: TokenKind, text: str, modifiers: tuple[str, ...], ordinary: Callable[[str], bool]
) -> Fact:
    from_text = Pattern(identifier, Token(kind, text, 0), modifiers)
    variants = shapes(from_text)
    fixed = max((sum(len(options) <= 16 for options in shape) for shape in variants), default=0)
    fact = of_readings(identifier, _plain_first(readings(from_text)), fixed, ordinary)
    if kind is TokenKind.REGEX and fact.code < 40 and (ground := sampled(text, identifier)):
        return Fact(fact.where, fact.readings, (ground, *fact.grounds), 0, None)
    return fact


def _plain_first(found: tuple[Reading, ...]) -> tuple[Reading, ...]:
    return tuple(sorted(found, key=lambda reading: GAP in reading.text))


def of_octets(run: Shape, where: str, ordinary: Callable[[str], bool]) -> Fact:
    """The same for bytes that the condition spells out."""
    found = [Reading(text, "arithmetic") for text in ambiguous([run])]
    found += [one for octets in spelled([run]) for one in octet_readings(octets, "arithmetic")]
    return of_readings(where, tuple(found), len(run), ordinary)


def of_text(text: str, where: str, ordinary: Callable[[str], bool]) -> Fact:
    """The same for a quoted text or a regular expression of the condition."""
    if text.startswith("/"):
        variants = regex_shapes(text)
        found = tuple(one for octets in spelled(variants) for one in octet_readings(octets, ""))
        return of_readings(where, found, max(map(len, variants), default=0), ordinary)
    plain = unquote(text)
    return of_readings(where, (Reading(plain),), len(plain), ordinary)


def of_pieces(pieces: Iterable[str], where: str, ordinary: Callable[[str], bool]) -> Fact | None:
    """The same for short strings set side by side, if together they say more than apart."""
    joined = "".join(pieces)
    fact = of_readings(where, (Reading(joined, "pieces"),), len(joined), ordinary)
    return fact if any(ground.kind is Kind.MARKING for ground in fact.grounds) else None


def of_readings(where: str, found: tuple[Reading, ...], fixed: int, ordinary: Callable[[str], bool]) -> Fact:
    """Judge some readings of the same bytes."""
    grounds: dict[Kind, Ground] = {}
    for reading in found[:64]:
        for ground in grounds_of(reading, where):
            if ground.kind not in grounds and _covers(ground, reading.text):
                grounds[ground.kind] = ground
                if reading.trick in CONCEALING or (reading.trick == HEX and ground.kind is Kind.MARKING):
                    grounds.setdefault(Kind.CONCEALED, _concealed(where, reading))
    text = found[0].text if found else ""
    if text.startswith("PK\x03\x04") and len(text) >= ZIP_CHECKSUM_END:
        grounds[Kind.PIECE_DIGEST] = Ground(
            Kind.PIECE_DIGEST, where, "looks for one member of a zip by its checksum", shown(text), 50
        )
    people = bool(grounds.keys() - {Kind.CONCEALED, Kind.ORGANISATION})
    technical = bool(grounds.keys() & {Kind.ACCOUNT, Kind.CONTACT, Kind.FILE_NAME})
    code = 0 if people or (text and ordinary(text)) else code_points(found, fixed)
    crime = any(find(reading.text, ("crime",)) for reading in found[:4])
    prose = (
        None if technical else code == 0 and any(is_prose(reading.text) for reading in found) and not crime
    )
    return Fact(where, found, tuple(grounds.values()), code, prose)


def _covers(ground: Ground, text: str) -> bool:
    """Whether an address, number or name is most of what is looked for, and not a part of something technical."""
    if ground.kind not in (Kind.CONTACT, Kind.ACCOUNT):
        return True
    return any(
        kind is ground.kind and len(part) >= 0.5 * len(text.strip()) for kind, _, part in shapes_of(text)
    )


def _concealed(where: str, reading: Reading) -> Ground:
    message = f"what it spells is hidden ({reading.trick}): “{shown(reading.text)}”"
    return Ground(Kind.CONCEALED, where, message, shown(reading.text), CONCEALED_WEIGHT)
