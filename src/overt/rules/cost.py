"""What rules cost: each one alone against the same files, and how often it matches."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overt.engine.matcher import compile_sources
from overt.rules.check import EXTERNALS, closure, condense, needed
from overt.rules.yara_source import Source, SourceRule

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
    """Seconds that all rules together take over `files`, beyond what an empty rule takes."""
    texts = {str(number): condense(source, source.rules) for number, source in enumerate(sources)}
    return max(_run(texts, files)[0] - _floor(files), 0.0)


def each(sources: Sequence[Source], files: Sequence[bytes]) -> list[Cost]:
    """The cost of every rule (with the rules it refers to), the most expensive first."""
    floor = _floor(files)
    found = [
        _alone(source, rule, needs, files, floor)
        for source, needs in ((source, needed(source.rules)) for source in sources)
        for rule in source.rules
    ]
    return sorted(found, key=lambda cost: cost.seconds, reverse=True)


def one(source: Source, name: str, files: Sequence[bytes]) -> Cost:
    """The cost of the rule `name` (with the rules it refers to). Raises `StopIteration` when there is none."""
    rule = next(rule for rule in source.rules if rule.name == name)
    return _alone(source, rule, needed(source.rules), files, _floor(files))


def _alone(
    source: Source,
    rule: SourceRule,
    needs: Mapping[str, tuple[str, ...]],
    files: Sequence[bytes],
    floor: float,
) -> Cost:
    names = closure([rule.name], needs)
    text = condense(source, [other for other in source.rules if other.name in names or other.is_global])
    seconds, matched = _run({source.name: text}, files)
    return Cost(source.name, rule.name, rule.line, max(seconds - floor, 0.0), matched.get(rule.name, 0))


def _floor(files: Sequence[bytes]) -> float:
    return _run({"floor": "rule nothing { condition: false }"}, files)[0]


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
