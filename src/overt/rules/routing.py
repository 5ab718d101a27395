"""Where a rule can match: the routes (`overt.engine.route`) on which its condition can be true."""

from __future__ import annotations

from collections.abc import Sequence

from overt.engine.route import OTHER, ROUTES
from overt.rules.condition import Node, Opaque, parse
from overt.rules.leading import Leading, leading
from overt.rules.possible import VIEWS, Can, Setting, possible
from overt.rules.yara_cursor import ConditionError
from overt.rules.yara_source import SourceRule

ALL_ROUTES = (*(route.name for route in ROUTES), OTHER)


_VIEWS = tuple((route, view) for route, views in VIEWS.items() for view in views)
Verdicts = tuple[bool, ...]
"""Whether a condition can be true, for each of `_VIEWS`."""


def routes_of(rules: Sequence[SourceRule]) -> dict[str, tuple[str, ...]]:
    """As `Router.routes_of`, for one source."""
    return Router().routes_of(rules)


class Router:
    """Places rules; what it found for a condition holds wherever that is written again, which it often is."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Verdicts] = {}

    def routes_of(self, rules: Sequence[SourceRule]) -> dict[str, tuple[str, ...]]:
        """Rule name → routes on which it can match, for the rules of one source in order. A rule that can match
        nowhere is placed everywhere: then the analysis or the rule is odd, and nothing is lost by looking."""
        names = {rule.name for rule in rules}
        can: list[dict[str, bool]] = [{} for _ in _VIEWS]
        for rule in rules:
            for known, verdict in zip(can, self._verdicts(rule, names, can), strict=True):
                known[rule.name] = verdict
        found: dict[str, dict[str, None]] = {rule.name: {} for rule in rules}
        needed = [rule.name for rule in rules if rule.is_global]
        for (route, _), known in zip(_VIEWS, can, strict=True):
            if all(known[name] for name in needed):
                for name in (name for name, matches in known.items() if matches):
                    found[name][route] = None
        return {name: tuple(routes) or ALL_ROUTES for name, routes in found.items()}

    def _verdicts(self, rule: SourceRule, names: set[str], can: Sequence[dict[str, bool]]) -> Verdicts:
        """Whether the condition can be true, given which of the rules before it `can` match."""
        words = tuple(token.text for token in rule.condition)
        alone = names.isdisjoint(words) and "at" not in words
        if alone and words in self._known:
            return self._known[words]
        tree, placed = _tree(rule), _placed(rule) if "at" in words else {}
        settings = (Setting(view, placed, known) for (_, view), known in zip(_VIEWS, can, strict=True))
        found = tuple(Can.TRUE in possible(tree, setting) for setting in settings)
        if alone:
            self._known[words] = found
        return found


def _placed(rule: SourceRule) -> dict[str, tuple[Leading, ...] | None]:
    """How matches of its strings begin."""
    return {pattern.identifier: leading(pattern) for pattern in rule.patterns if pattern.identifier != "$"}


def _tree(rule: SourceRule) -> Node:
    try:
        return parse(rule.condition)
    except (ConditionError, RecursionError):
        return Opaque()
