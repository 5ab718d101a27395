"""What a rule's metadata says of it, in Overt's words: every rule set has its own keys for the same things."""

from __future__ import annotations

from overt.core.model import Severity
from overt.engine.pack import RuleRecord
from overt.rules.yara_source import SourceRule

AUTHOR = ("author", "authors")
DESCRIPTION = ("description", "desc", "details")
REFERENCE = ("reference", "references", "ref", "url", "link", "reference1", "reference2", "reference3")
LICENCE = ("license", "licence", "license_url")
SEVERITY = ("severity", "threat_severity", "level")
SCORE = ("score", "malice", "risk_score")

WORDS = {
    "note": Severity.NOTE,
    "info": Severity.NOTE,
    "informational": Severity.NOTE,
    "notice": Severity.NOTE,
    "low": Severity.LOW,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "warning": Severity.MEDIUM,
    "high": Severity.HIGH,
    "critical": Severity.CRITICAL,
    "severe": Severity.CRITICAL,
}
SCORES = (
    (90, Severity.CRITICAL),
    (75, Severity.HIGH),
    (60, Severity.MEDIUM),
    (40, Severity.LOW),
    (0, Severity.NOTE),
)
"""Lowest `score` (0 to 100) of each severity."""


def record(rule: SourceRule, pack: str, source: str, author: str = "", licence: str = "") -> RuleRecord:
    """The record of `rule`; `author` and `licence` are the pack's own, for rules that name none."""
    meta = [(key.lower(), value) for key, value in rule.meta]
    return RuleRecord(
        name=rule.name,
        pack=pack,
        severity=_severity(meta),
        author=_all(meta, AUTHOR) or author,
        description=_all(meta, DESCRIPTION),
        reference=_all(meta, REFERENCE),
        licence=_all(meta, LICENCE) or licence,
        source=source,
        line=rule.line,
        tags=rule.tags,
    )


def _all(meta: list[tuple[str, str]], keys: tuple[str, ...]) -> str:
    """Every value under any of `keys`, each once, in the order written."""
    return ", ".join(dict.fromkeys(" ".join(value.split()) for key, value in meta if key in keys and value))


def _severity(meta: list[tuple[str, str]]) -> Severity:
    """From a word, else from a score of 0 to 100, else `high`: what is not graded is not harmless."""
    for key, value in meta:
        if key in SEVERITY and value.lower() in WORDS:
            return WORDS[value.lower()]
    for key, value in meta:
        if key in SCORE and value.isdigit():
            return next(severity for lowest, severity in SCORES if int(value) >= lowest)
    return Severity.HIGH
