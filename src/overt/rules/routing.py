"""Where a rule can match: the routes (`overt.engine.route`) on which its condition can be true."""

from __future__ import annotations

from collections.abc import Sequence

from overt.engine.route import OTHER, ROUTES
from overt.rules.condition import Node, Opaque, parse
from overt.rules.leading import Leading, leading
from overt.rules.possible import VIEWS, Can, Setting, View, possible
from overt.rules.yara_cursor import ConditionError
from overt.rules.yara_source import SourceRule

ALL_ROUTES = (*(route.name for route in ROUTES), OTHER)


def routes_of(rules: Sequence[SourceRule]) -> dict[str, tuple[str, ...]]:
    """Rule name → routes on which it can match, for the rules of one source in order. A rule that can match
    nowhere is placed everywhere: then the analysis or the rule is odd, and nothing is lost by looking."""
    trees = {rule.name: _tree(rule) for rule in rules}
    patterns = {rule.name: _placed(rule) for rule in rules}
    found: dict[str, list[str]] = {rule.name: [] for rule in rules}
    for route, views in VIEWS.items():
        matching: set[str] = set()
        for view in views:
            matching |= _matching(rules, trees, patterns, view)
        for name in matching:
            found[name].append(route)
    return {name: tuple(routes) or ALL_ROUTES for name, routes in found.items()}


def _matching(
    rules: Sequence[SourceRule],
    trees: dict[str, Node],
    patterns: dict[str, dict[str, tuple[Leading, ...] | None]],
    view: View,
) -> set[str]:
    """Names of the rules that can match what presents `view`: their condition can be true, and every global
    rule's too."""
    can: dict[str, bool] = {}
    for rule in rules:
        setting = Setting(view, patterns[rule.name], can)
        can[rule.name] = Can.TRUE in possible(trees[rule.name], setting)
    if not all(can[rule.name] for rule in rules if rule.is_global):
        return set()
    return {name for name, matches in can.items() if matches}


def _placed(rule: SourceRule) -> dict[str, tuple[Leading, ...] | None]:
    """How matches of its strings begin, when its condition asks for any of them at a place."""
    if not any(token.text == "at" for token in rule.condition):
        return {}
    return {pattern.identifier: leading(pattern) for pattern in rule.patterns if pattern.identifier != "$"}


def _tree(rule: SourceRule) -> Node:
    try:
        return parse(rule.condition)
    except (ConditionError, RecursionError):
        return Opaque()
