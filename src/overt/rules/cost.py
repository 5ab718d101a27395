"""What rules cost: each one alone against the same files, and how often it matches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from overt.engine.matcher import compile_sources
from overt.rules.check import EXTERNALS, closure, condense, needed
from overt.rules.yara_source import Source

ROUNDS = 2
"""Times each measurement is taken; the fastest counts."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One rule's time over a sample of files, in seconds beyond what an empty rule takes, and its hits."""

    source: str
    rule: str
    line: int
    seconds: float
    hits: int


def whole(sources: Sequence[Source], files: Sequence[bytes]) -> float:
    """Seconds that all rules together take over `files`."""
    texts = {source.name: condense(source, source.rules) for source in sources}
    return _run(texts, files)[0]


def each(sources: Sequence[Source], files: Sequence[bytes]) -> list[Cost]:
    """The cost of every rule (with the rules it refers to), the most expensive first."""
    floor = _run({"floor": "rule nothing { condition: false }"}, files)[0]
    found = []
    for source in sources:
        needs = needed(source.rules)
        for rule in source.rules:
            names = closure([rule.name], needs)
            text = condense(
                source, [other for other in source.rules if other.name in names or other.is_global]
            )
            seconds, matched = _run({source.name: text}, files)
            found.append(
                Cost(source.name, rule.name, rule.line, max(seconds - floor, 0.0), matched.get(rule.name, 0))
            )
    return sorted(found, key=lambda cost: cost.seconds, reverse=True)


def _run(texts: dict[str, str], files: Sequence[bytes]) -> tuple[float, dict[str, int]]:
    """Seconds, and per rule the number of files matched."""
    scanner = compile_sources(texts, EXTERNALS)
    externals = dict.fromkeys(EXTERNALS, "")
    best = float("inf")
    for _ in range(ROUNDS):
        hits: dict[str, int] = {}
        start = time.perf_counter()
        for data in files:
            for match in scanner.match(data=data, externals=externals, fast=True):
                hits[match.rule] = hits.get(match.rule, 0) + 1
        best = min(best, time.perf_counter() - start)
    return best, hits
