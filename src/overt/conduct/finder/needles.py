"""What is sought: for each canary its token in several spellings, its anchors, name, path and digests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from overt.conduct.evidence.records import Canary, Side
from overt.conduct.finder.automaton import Sieve
from overt.conduct.finder.decoders.letters import ROT13
from overt.conduct.finder.digests import digests
from overt.core.errors import ConductError

TEST_FILE, TOKEN = "test file", "token"
TOKEN_BYTES = 27
TURNED_ANCHORS = 4
"""Every so many anchors are sought in other spellings too."""
MIN_STEM = 4
"""Letters of a file's name that are its own."""
CONTENT, NAME, PATH, DIGEST, SIZE = "content", "name", "path", "digest", "size"


@dataclass(frozen=True, slots=True)
class Needle:
    """What one byte string means where it is found."""

    canary: int
    form: str
    matched: str
    route: tuple[str, ...] = ()
    """The spelling, as if a decoder had undone it."""

    @property
    def is_token(self) -> bool:
        """Whether it is a token as it was planted."""
        return self.matched == TOKEN and not self.route


Bodies = Mapping[int, Sequence[bytes]]
"""By canary: its bytes, and those of what is packed in it, as far as they are known: to extend a match."""


class Needles:
    """All needles of one run, and the automaton that finds them."""

    def __init__(self, canaries: Sequence[Canary], bodies: Bodies) -> None:
        """Raises `ConductError` for canaries that no lab planted: evidence may come from anybody."""
        for canary in canaries:
            if not _sound(canary):
                raise ConductError(
                    f"canary {canary.number} is none that Overt plants: the evidence was changed"
                )
        self.canaries = canaries
        self.bodies = bodies
        meanings: dict[bytes, list[Needle]] = {}
        for canary in canaries:
            for sought, needle in _of(canary, bodies.get(canary.number, ())):
                meanings.setdefault(sought, []).append(needle)
        self.patterns = tuple(meanings)
        self._meanings = tuple(tuple(found) for found in meanings.values())
        self._sieve = Sieve(self.patterns)
        self._folded = {
            sought: own
            for sought, found in meanings.items()
            if (own := tuple(_by(needle, "case") for needle in found if needle.is_token))
        }

    def folded(self, data: bytes) -> Iterator[tuple[int, bytes, tuple[Needle, ...]]]:
        """(offset, what was found, what it means) for every token in letters of mixed case."""
        for found in _ANY_TOKEN.finditer(data.lower()):
            word = data[found.start() : found.start() + TOKEN_BYTES]
            if not (word.islower() or word.isupper()) and (needles := self._folded.get(word.lower())):
                yield found.start(), word, needles

    def matches(self, data: bytes) -> Iterator[tuple[int, bytes, tuple[Needle, ...]]]:
        """(offset, what was found, what it means) for every needle in `data`."""
        for pattern, start in self._sieve.matches(data):
            yield start, self.patterns[pattern], self._meanings[pattern]


def _sound(canary: Canary) -> bool:
    """Whether its needles are long enough to mean anything, and written as the lab writes them."""
    return (
        _PATH.fullmatch(canary.path) is not None
        and _TOKEN.fullmatch(canary.token) is not None
        and _SHA256.fullmatch(canary.sha256) is not None
        and all(_ANCHOR.fullmatch(anchor) for anchor in canary.anchors)
        and (len(_stem(canary)) >= MIN_STEM or not _own_name(canary))
    )


def _of(canary: Canary, bodies: Sequence[bytes]) -> Iterator[tuple[bytes, Needle]]:
    if canary.token:
        yield from _spelled(canary.token, Needle(canary.number, CONTENT, TOKEN))
    elif bodies:
        yield bodies[0], Needle(canary.number, CONTENT, TEST_FILE)
    for place, anchor in enumerate(map(bytes.fromhex, canary.anchors)):
        yield anchor, Needle(canary.number, CONTENT, "anchor")
        if place % TURNED_ANCHORS == 0:
            yield from _turned(anchor, Needle(canary.number, CONTENT, "anchor"))
    if _own_name(canary):
        yield from _spelled(_stem(canary), Needle(canary.number, NAME, "file name"))
    yield from _spelled(canary.path, Needle(canary.number, PATH, "path"))
    for sought, matched in digests(canary, bodies):
        yield sought, Needle(canary.number, DIGEST, matched)


def _turned(anchor: bytes, needle: Needle) -> Iterator[tuple[bytes, Needle]]:
    turned = {
        anchor.upper(): "case",
        anchor.lower(): "case",
        anchor.translate(ROT13): "rot13",
        anchor[::-1]: "reversed",
    }
    for sought, name in turned.items():
        if sought != anchor:
            yield sought, _by(needle, name)


def _own_name(canary: Canary) -> bool:
    """Whether its name is nobody else's: secrets and settings have the names that such files have everywhere."""
    return canary.side is not Side.ALONE or not (
        canary.secret or PurePosixPath(canary.path).name.startswith(".")
    )


def _stem(canary: Canary) -> str:
    return PurePosixPath(canary.path).name.split(".")[0]


def _spelled(text: str, needle: Needle) -> Iterator[tuple[bytes, Needle]]:
    spellings = (
        ((), text),
        (("case",), text.upper()),
        (("rot13",), text.encode().translate(ROT13).decode()),
        (("reversed",), text[::-1]),
    )
    for route, spelled in spellings:
        yield spelled.encode(), _by(needle, *route)
        yield spelled.encode("utf-16-le")[:-1], _by(needle, "utf-16", *route)


def _by(needle: Needle, *route: str) -> Needle:
    return Needle(needle.canary, needle.form, needle.matched, route)


_PATH = re.compile(r"/home/[^/]+/.+", re.DOTALL)
_TOKEN = re.compile(r"(ovt[0-9a-z]{24})?")
_ANY_TOKEN = re.compile(rb"ovt(?=[0-9a-z]{24})")
_SHA256, _ANCHOR = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{32}")
