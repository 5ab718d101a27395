"""Sizes, counts and durations: how people write them, and how they are shown."""

from __future__ import annotations

import argparse
import re

UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
"""Unit (upper case) → bytes."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


def size(text: str) -> int:
    """Bytes from `1048576`, `2GiB`, `1.5 MB`. Raises `argparse.ArgumentTypeError` with what is accepted."""
    found = _SIZE.fullmatch(text.strip())
    if found is None or found[2].upper() not in UNITS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size: write bytes, or a number with KiB, MiB, GiB, TiB, KB, MB, GB or TB"
        )
    factor = UNITS[found[2].upper()]
    return int(float(found[1]) * factor) if "." in found[1] else int(found[1]) * factor


def whole(text: str) -> int:
    """A whole number, `_` allowed between digits. Raises `argparse.ArgumentTypeError`."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def seconds(text: str) -> float:
    """Seconds, fractions allowed. Raises `argparse.ArgumentTypeError`."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None


def size_text(count: float) -> str:
    """`count` bytes in binary units with three figures: `812 B`, `1.25 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{int(count)} B" if unit == "B" else f"{_figures(count)} {unit}"
        count /= 1024
    return f"{_figures(count)} TiB"


def _figures(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def exact_size(count: int) -> str:
    """`count` bytes in the largest unit that is exact, as the flags take it: `2GiB`, `1000B`."""
    for unit, factor in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count and count % factor == 0:
            return f"{count // factor}{unit}"
    return f"{count}B"


def counted(count: int, noun: str, ending: str = "s") -> str:
    """`1 file`, `2,000 files`."""
    return f"{count:,} {noun}" + ("" if count == 1 else ending)


def duration(elapsed_s: float) -> str:
    """`4 ms`, `0.31 s`, `12.4 s`, `3 min 05 s`, `2 h 07 min`."""
    if elapsed_s < 0.1:
        return f"{elapsed_s * 1000:.0f} ms"
    if elapsed_s < 60:
        return f"{elapsed_s:.2f} s" if elapsed_s < 10 else f"{elapsed_s:.1f} s"
    minutes, rest = divmod(round(elapsed_s), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
