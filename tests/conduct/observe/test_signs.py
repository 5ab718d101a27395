"""What the file observer tells of what it could not see."""

from __future__ import annotations

import time

from overt.conduct.observe.signs import MAX_SIGNS, MORE, Signs


def test_each_is_told_once_and_those_of_one_kind_do_not_crowd_out_the_other() -> None:
    signs = Signs(time.monotonic())
    for number in range(3 * MAX_SIGNS):
        signs.tell(f"file {number}")
        signs.tell(f"file {number}")
    signs.tell("used a secret under another name", by=3, attempt=True)
    signs.tell("used a secret under another name", by=4, attempt=True)
    told = signs.all()
    assert [row.by for row in told if row.attempt] == [3, 4] and all(
        row.defeated == row.attempt for row in told
    )
    rest = [row.what for row in told if not row.attempt]
    assert rest == [*(f"file {number}" for number in range(MAX_SIGNS)), MORE], "what is left out is told"
