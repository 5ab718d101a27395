"""How an answer is put together: facts with their evidence, in a fixed order, and not too many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from overt.conduct.evidence.conclusions import Answer, Verdict

MAX_FACTS = 60
"""Facts listed with one answer; how many more there are is said."""
MAX_REFERENCES = 5
"""Lines of evidence named for one fact: the first ones."""
MAX_SUMMARY = 1000
"""Characters of an answer's summary."""
MAX_TEXT = 400
"""Characters of a fact: a product chooses its paths and arguments."""


class Fact(NamedTuple):
    """One sentence, and where it comes from."""

    text: str
    references: tuple[str, ...] = ()


class Said(NamedTuple):
    """What an answer says, before its question is put to it."""

    verdict: Verdict
    good: bool | None
    summary: str
    facts: tuple[Fact, ...] = ()


def answer(question: str, asked: str, said: Said) -> Answer:
    """The record, bounded in size."""
    facts = bounded(said.facts)
    return Answer(
        question=question,
        asked=asked,
        verdict=said.verdict,
        good=said.good,
        summary=shortened(said.summary, MAX_SUMMARY),
        facts=tuple(shortened(fact.text) for fact in facts),
        evidence=tuple(" ".join(fact.references[:MAX_REFERENCES]) for fact in facts),
    )


def bounded(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """At most `MAX_FACTS`, the last of which counts those left out."""
    if len(facts) <= MAX_FACTS:
        return tuple(facts)
    more = len(facts) - MAX_FACTS + 1
    return (*facts[: MAX_FACTS - 1], Fact(f"and {more:,} more of the kind"))


def shortened(text: str, limit: int = MAX_TEXT) -> str:
    """`text`, cut in its middle when it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def some(names: Iterable[str], limit: int = 4) -> str:
    """The first names in words, and how many more."""
    listed = list(names)
    words = ", ".join(shortened(name, 120) for name in listed[:limit])
    return words + (f" and {len(listed) - limit:,} more" if len(listed) > limit else "")


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 file`, `2,000 files`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def bytes_text(count: int) -> str:
    """`812 bytes`, `1.25 MB`: decimal units, three figures."""
    if count < 1000:
        return counted(count, "byte")
    power = 1 if count < 999_500 else 2 if count < 999_500_000 else 3 if count < 999_500_000_000 else 4
    value, unit = count / 1000**power, ("kB", "MB", "GB", "TB")[power - 1]
    figures = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:,.{figures}f} {unit}"


def seconds_text(at_s: float) -> str:
    """Since the run began: `at 12.4 s`."""
    return f"at {at_s:.1f} s"
