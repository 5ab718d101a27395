"""Quorums of witnesses: trees of k-of-n groups in which each witness has one place (c2sp.org/tlog-policy).

What a quorum is worth: whoever controls the log can show two victims two different logs only if two sets of witnesses,
each a quorum, cosign one each. Honest witnesses never cosign both. So every witness that two such sets share must be
faulty, and a policy tolerates as many faulty ones as the smallest possible overlap of two quorums, less one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Counts as one witness that cosigned when at least `threshold` of `members` (witnesses or groups) did."""

    name: str
    threshold: int
    members: tuple[str, ...]


Combine = Callable[[int, list[int]], int]
"""(threshold, what its members came to) → what the group comes to."""


def satisfied(groups: Sequence[Group], quorum: str, cosigned: Collection[str]) -> bool:
    """Whether the witnesses named in `cosigned` make up `quorum`. Groups only refer to earlier ones."""
    met = dict.fromkeys(cosigned, True)
    for group in groups:
        met[group.name] = sum(met.get(member, False) for member in group.members) >= group.threshold
    return met.get(quorum, False)


def overlap(groups: Sequence[Group], quorum: str) -> int:
    """The fewest witnesses that two sets share, each of which satisfies `quorum`.

    For k of n witnesses, 2k - n; two quorums of a group share at least so many members, and of each of those at least
    that member's own overlap.
    """
    return _weighed(groups, quorum, lambda k, members: sum(sorted(members)[: max(0, 2 * k - len(members))]))


def blockers(groups: Sequence[Group], quorum: str) -> int:
    """The fewest witnesses without whom no set satisfies `quorum`: for k of n witnesses, n - k + 1."""
    return _weighed(groups, quorum, lambda k, members: sum(sorted(members)[: len(members) - k + 1]))


def _weighed(groups: Sequence[Group], quorum: str, combine: Combine) -> int:
    """The tree folded from its witnesses, each 1, to the quorum."""
    weights: dict[str, int] = {}
    for group in groups:
        weights[group.name] = combine(group.threshold, [weights.get(member, 1) for member in group.members])
    return weights.get(quorum, 1)
