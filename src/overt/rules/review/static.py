"""The static part of the review: rules read, their ways found, each judged."""

from __future__ import annotations

from collections.abc import Callable

from overt.engine.route import OTHER
from overt.rules.review import facts
from overt.rules.review.expression import parse
from overt.rules.review.judge import EXPLAIN_FROM, Case, Judgement, judge
from overt.rules.review.model import Ground, Kind, Level
from overt.rules.review.octets import Octet
from overt.rules.review.ordinary import ordinary
from overt.rules.review.ways import FREE, Atom, Needs, Scope, Value, Way, ways
from overt.rules.routing import routes_of
from overt.rules.yara_cursor import ConditionError
from overt.rules.yara_source import Source, SourceRule

Facts = dict[tuple[str, int], facts.Fact]


def judgements(source: Source) -> dict[str, Judgement]:
    """Rule name → judgement, for the rules of one source in order. Private rules report nothing by themselves: they
    are judged in the rules that use them."""
    known: Facts = {}
    found: dict[str, tuple[Way, ...]] = {}
    judged: dict[str, Judgement] = {}
    routes = routes_of(source.rules)
    weigh = _weigher(known)
    for rule in source.rules:
        for index, pattern in enumerate(rule.patterns):
            known[rule.name, index] = facts.of_pattern(pattern, ordinary)
        try:
            identifiers = [pattern.identifier for pattern in rule.patterns]
            found[rule.name] = ways(parse(rule.condition), Scope(rule.name, identifiers, dict(found), weigh))
            unreadable = "" if found[rule.name] else "it finds no way in which it could be true"
        except (ConditionError, RecursionError) as error:
            unreadable = f"it can't be read: {str(error) or 'nested too deeply'}"
        if unreadable:
            found[rule.name] = _apart(rule)
        if rule.is_private:
            judged[rule.name] = Judgement(Level.PASS, 0, ())
            continue
        judgement = judge(Case(rule, known, OTHER not in routes[rule.name], ordinary), found[rule.name])
        judged[rule.name] = _noted(judgement, unreadable) if unreadable else judgement
    return judged


def _apart(rule: SourceRule) -> tuple[Way, ...]:
    """For a condition that is not understood: each string might be enough."""
    return tuple(frozenset((Needs(rule.name, index),)) for index in range(len(rule.patterns))) or FREE


def _noted(judgement: Judgement, why: str) -> Judgement:
    ground = Ground(
        Kind.UNREADABLE, "condition", f"the review does not understand the condition: {why}", "", EXPLAIN_FROM
    )
    level = judgement.level if judgement.level is Level.REFUSE else Level.EXPLAIN
    return Judgement(level, max(judgement.score, EXPLAIN_FROM), (*judgement.grounds, ground))


def _weigher(known: Facts) -> Callable[[Atom], int]:
    """How much an atom speaks of code (negative: of people), to keep the most suspicious ways."""

    def weigh(atom: Atom) -> int:
        match atom:
            case Needs(rule, index):
                return 2 - known[rule, index].suspicion
            case Octet(allowed=allowed):
                return -1 if any(chr(byte).isalpha() and byte < 128 for byte in allowed) else 1
            case Value():
                return 20
        return 0

    return weigh
