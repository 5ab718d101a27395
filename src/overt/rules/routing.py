"""Where a rule can match."""

from __future__ import annotations

from collections.abc import Sequence

from overt.engine.matcher import COMMON
from overt.rules.yara_source import SourceRule


def routes_of(rules: Sequence[SourceRule]) -> dict[str, tuple[str, ...]]:
    """The routes of each rule of one source."""
    return {rule.name: (COMMON,) for rule in rules}
