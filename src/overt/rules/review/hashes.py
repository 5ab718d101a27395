"""Review of hash lists: a digest does not tell what it is the digest of, so somebody has to."""

from __future__ import annotations

from overt.rules.review.model import Ground, Kind, Level, RuleReview

WEIGHT = 35
HASHES = "(hashes)"
"""Stands for a rule's name in the review of a list."""


def review_hashes(pack: str, source: str, count: int, content: str = "") -> RuleReview:
    """The review of `count` digests of whole files. `content` says what they are of, as stated by whoever gathered
    them: `program`, `document`, or nothing when that is not known."""
    if content == "program":
        return RuleReview(pack, source, HASHES, 0, Level.PASS, 0)
    if content == "document":
        text, level, weight = "lists digests of documents", Level.REFUSE, 2 * WEIGHT
    else:
        text, level, weight = "lists digests of files, and does not say of what kind", Level.EXPLAIN, WEIGHT
    ground = Ground(Kind.FILE_DIGEST, "list", text, f"{count:,} digests", weight)
    return RuleReview(pack, source, HASHES, 0, level, weight, (ground,))
