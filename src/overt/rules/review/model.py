"""What a review says: a level per rule, and the typed grounds that it rests on. Their JSON form is stable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

FORMAT = "overt-review/1"
EVIDENCE_CHARACTERS = 120


class Level(StrEnum):
    """What a publisher must do about a rule."""

    PASS = "pass"
    EXPLAIN = "explain"
    """Publish only with a written explanation."""
    REFUSE = "refuse"
    """Publish only by an override, with a written reason that is logged and shown to every user."""

    @property
    def rank(self) -> int:
        """0 (pass) to 2 (refuse)."""
        return list(Level).index(self)


class Kind(StrEnum):
    """What a ground is about; the value is what machines read."""

    MARKING = "marking"
    SENSITIVE = "sensitive"
    TOPIC = "topic"
    ORGANISATION = "organisation"
    PERSON = "person"
    ACCOUNT = "account"
    CONTACT = "contact"
    OWNER = "owner"
    FILE_NAME = "file-name"
    FILE_DIGEST = "file-digest"
    PIECE_DIGEST = "piece-digest"
    COMPUTED = "computed"
    CONCEALED = "concealed"
    NARROW = "narrow"
    PROSE = "prose"
    NO_CODE = "no-code"
    CONTRADICTION = "contradiction"
    UNREADABLE = "unreadable"
    INNOCENT_MATCH = "innocent-match"
    MARKING_REACTION = "marking-reaction"
    CODE = "code"
    """Speaks for the rule: its weight is negative."""


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason for a verdict: its kind, where in the rule (`$a`, `condition`, `meta`, `corpus`), what a person
    reads, what it was seen in (at most 120 characters), and the points it adds."""

    kind: Kind
    where: str
    text: str
    evidence: str = ""
    weight: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values for canonical JSON; keys and kinds keep their meaning within one `FORMAT`."""
        return {
            "kind": self.kind.value,
            "where": self.where,
            "text": self.text,
            "evidence": self.evidence,
            "weight": self.weight,
        }


@dataclass(frozen=True, slots=True)
class RuleReview:
    """The verdict on one rule, by the most suspicious way in which its condition can be fulfilled."""

    pack: str
    source: str
    rule: str
    line: int
    level: Level
    score: int
    grounds: tuple[Ground, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values for canonical JSON."""
        return {
            "pack": self.pack,
            "source": self.source,
            "rule": self.rule,
            "line": self.line,
            "level": self.level.value,
            "score": self.score,
            "grounds": [ground.to_json() for ground in self.grounds],
        }


@dataclass(frozen=True, slots=True)
class Review:
    """The verdicts on all rules of some sources, in order."""

    rules: tuple[RuleReview, ...]

    @property
    def level(self) -> Level:
        """The worst of all levels; `pass` when there are no rules."""
        return max((review.level for review in self.rules), key=lambda level: level.rank, default=Level.PASS)

    def to_json(self) -> dict[str, Any]:
        """Plain values for canonical JSON: the format's name, the worst level, and every rule."""
        return {
            "format": FORMAT,
            "level": self.level.value,
            "rules": [review.to_json() for review in self.rules],
        }


def shown(text: str) -> str:
    """`text` as evidence: one line, printable, and short."""
    plain = "".join(char if char.isprintable() else "·" for char in text)
    return plain if len(plain) <= EVIDENCE_CHARACTERS else plain[: EVIDENCE_CHARACTERS - 1] + "…"


def worst(levels: Iterable[Level]) -> Level:
    """The worst of some levels."""
    return max(levels, key=lambda level: level.rank, default=Level.PASS)
