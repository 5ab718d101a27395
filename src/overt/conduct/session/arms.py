"""Which runs a report consists of, with what planted, in which order: decided before the first, from one seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from overt.conduct.evidence.records import Arm

SEEDS = 1 << 48
COMPARED = (Arm.NONE, Arm.PLAIN, Arm.MARKED)


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run to come."""

    name: str
    arm: Arm
    seed: int
    """Of its canaries: the same in the arms that are compared with each other, so that they differ in one thing."""


def planned(runs: int, differential: int, seed: int) -> tuple[PlannedRun, ...]:
    """`runs` with both halves of every pair, then `differential` of each arm that is compared, in a chance order, so
    that nothing that changes over time looks like a difference between the arms."""
    chance = random.Random(seed)
    mixed = [PlannedRun(f"mixed-{n}", Arm.MIXED, chance.randrange(SEEDS)) for n in range(1, runs + 1)]
    seeds = [chance.randrange(SEEDS) for _ in range(differential)]
    compared = [PlannedRun(f"{arm}-{n}", arm, one) for n, one in enumerate(seeds, 1) for arm in COMPARED]
    chance.shuffle(compared)
    return (*mixed, *compared)
