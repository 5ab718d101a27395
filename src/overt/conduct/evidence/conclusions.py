"""What is made of evidence: one type for each line that the finder, the comparison and the judge write.

All of it is a function of the records, and can be made of them again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec

from overt.conduct.evidence.records import Record


class Sighting(Record, frozen=True, kw_only=True):
    """A canary, or a fact about one, found in what left. Made by the finder, which can be run again."""

    canary: int
    flow: int | None
    """None: found in a concatenation of `flows`."""
    flows: tuple[int, ...]
    form: str
    """`content`, `name`, `path`, `digest`, `size`."""
    route: tuple[str, ...]
    """The decoders that uncovered it, outermost first: ("base64", "gzip"). Empty: it was there as it is."""
    offset: int
    """Of the first sign of it in the flow's sent bytes (or in the concatenation)."""
    length: int
    """Bytes of the canary that are shown to have left, at least."""
    matched: str
    """What matched: `token`, `anchor`, `sha256 hex`, `file name`, …"""


class OpaqueBytes(Record, frozen=True, kw_only=True):
    """What left towards one destination and could not be read, so that anything may be in it."""

    destination: str
    """As a flow names it."""
    flows: tuple[int, ...]
    bytes: int
    bits_per_byte: float
    """Shannon entropy of the bytes, 0 to 8."""
    why: str


class Compared(Record, frozen=True, kw_only=True):
    """One exact test over several runs."""

    question: str
    """`destination host:port bytes: marked against plain`, …"""
    observed: str
    """The figures in words: `14 marked, 0 plain`."""
    method: str
    """`exact sign test`, `exact permutation test`."""
    p: float
    p_corrected: float
    """Holm's correction over all tests of this report."""
    runs: tuple[str, ...]
    about: str = ""
    """What is compared: `marking`, `canaries` (there against not there), `detection`, `repetition`."""
    place: str = ""
    """The destination or file that is compared; empty for all together."""
    least_p: float = 0.0
    """The smallest corrected p that so few observations could have given: from 0.01 on the test could show nothing."""


class Verdict(StrEnum):
    """What the evidence says to one question."""

    YES = "yes"
    NO = "no"
    PARTLY = "partly"
    UNSEEN = "unseen"
    """It could not be seen: neither yes nor no."""


Sentence: TypeAlias = Annotated[str, msgspec.Meta(max_length=2000)]
"""Words for a person: whoever prints them need not fear for the screen."""


class Answer(Record, frozen=True, kw_only=True):
    """One question of a report, with what its answer rests on."""

    question: str
    """Its identifier: `contact`, `content-left`, `marking`, `beyond-scope-reads`, …"""
    asked: Sentence
    """In words a non-expert understands."""
    verdict: Verdict
    good: bool | None
    """Whether that is what one would wish; None: neither."""
    summary: Sentence
    """One or two sentences."""
    facts: tuple[Sentence, ...] = ()
    evidence: tuple[str, ...] = ()
    """One for each fact, in the same order: `FILE#LINE` below the report's folder (line numbers from 1) or `FILE`,
    several with a space between them, or nothing."""
