"""Sizes as people write them."""

from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.cli.quantities import counted, duration, exact_size, size, size_text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("512", 512),
        ("2GiB", 2 << 30),
        ("2gib", 2 << 30),
        ("1.5 MB", 1_500_000),
        ("7B", 7),
        ("3 KB", 3000),
    ],
)
def test_sizes_are_read(text: str, count: int) -> None:
    assert size(text) == count


@pytest.mark.parametrize("text", ["", "x", "2G", "-1", "1 2", "GiB", "1e3", "2ZiB", "٣٣K"])
def test_anything_else_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write bytes, or a number with KiB"):
        size(text)


@given(st.integers(0, 1 << 50))
def test_exact_sizes_read_back(count: int) -> None:
    assert size(exact_size(count)) == count


def test_shown_quantities() -> None:
    assert [size_text(n) for n in (0, 1023, 1024, 15_000, 1 << 31, 5 << 50)] == [
        "0 B",
        "1023 B",
        "1.00 KiB",
        "14.6 KiB",
        "2.00 GiB",
        "5120 TiB",
    ]
    assert [duration(s) for s in (0.004, 0.5, 12.34, 185, 7620)] == [
        "4 ms",
        "0.50 s",
        "12.3 s",
        "3 min 05 s",
        "2 h 07 min",
    ]
    assert [counted(1, "file"), counted(2000, "file"), counted(2, "hash", "es")] == [
        "1 file",
        "2,000 files",
        "2 hashes",
    ]
