"""Which runs a report consists of."""

from __future__ import annotations

from collections import Counter

from overt.conduct.evidence.records import Arm
from overt.conduct.session.arms import planned


def test_the_same_seed_plans_the_same_runs_and_another_plans_others() -> None:
    assert planned(2, 3, 7) == planned(2, 3, 7)
    assert planned(2, 3, 7) != planned(2, 3, 8)


def test_arms_that_are_compared_share_their_seeds_and_come_in_a_chance_order() -> None:
    runs = planned(2, 4, 1)
    assert Counter(run.arm for run in runs) == {Arm.MIXED: 2, Arm.NONE: 4, Arm.PLAIN: 4, Arm.MARKED: 4}
    assert len({run.name for run in runs}) == len(runs)
    seeds = [
        {run.seed for run in runs if run.name.endswith(f"-{n}") and run.arm != Arm.MIXED} for n in range(1, 5)
    ]
    assert all(len(found) == 1 for found in seeds)
    orders = {tuple(run.name for run in planned(0, 4, seed)) for seed in range(5)}
    assert len(orders) == 5
