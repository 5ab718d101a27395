"""Ranges and counts."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from overt.conduct.evidence.records import Access
from overt.conduct.observe.tally import (
    MAX_ENTRIES,
    MAX_PATH_BYTES,
    MAX_RANGES,
    OPEN,
    Tally,
    include,
    printable,
)

RANGE = st.tuples(st.integers(0, 200), st.integers(1, 40))


@given(st.lists(RANGE, max_size=30))
def test_ranges_stay_in_order_and_hold_exactly_what_was_read(added: list[tuple[int, int]]) -> None:
    ranges: list[tuple[int, int]] = []
    for offset, length in added:
        include(ranges, offset, length)
    read = {byte for offset, length in added for byte in range(offset, offset + length)}
    assert {byte for offset, length in ranges for byte in range(offset, offset + length)} == read
    assert all(low + size < high for (low, size), (high, _) in itertools.pairwise(ranges))


def test_many_ranges_are_several_records() -> None:
    tally = Tally()
    for number in range(MAX_RANGES + 5):
        tally.read(1, "/f", float(number), number * 10, 1)
    first, second = tally.take(str)
    assert (len(first.ranges), len(second.ranges)) == (MAX_RANGES, 5)
    assert first.count + second.count == MAX_RANGES + 5 and not list(tally.take(str))


def test_repeated_events_are_one_record() -> None:
    tally = Tally()
    tally.opened(3, "/x", OPEN, 1.5)
    tally.opened(3, "/x", OPEN, 2.5)
    (record,) = tally.take(str.upper)
    assert (record.path, record.count, record.at_s, record.access) == ("/X", 2, 1.5, Access.OPEN)


def test_names_that_are_no_text() -> None:
    assert printable(b"/a\xff\n".decode("utf-8", "surrogateescape")) == "/a\\xff\n"


def test_it_is_full_by_records_and_by_paths_until_it_is_taken() -> None:
    tally = Tally()
    for number in range(MAX_ENTRIES + 1):
        assert not tally.full
        tally.opened(1, f"/{number}", OPEN, 1.0)
    assert tally.full and len(list(tally.take(str))) == MAX_ENTRIES + 1 and not tally.full
    for number in range(MAX_PATH_BYTES // 4096 + 1):
        assert not tally.full
        tally.read(1, f"/{number:04}".ljust(4096, "x"), 1.0, 0, 1)
    assert tally.full
