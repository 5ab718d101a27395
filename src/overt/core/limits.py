"""Every limit of an examination: named, with its unit, bounded, configurable."""

from __future__ import annotations

from dataclasses import dataclass

from overt.core.bounded import GIB, KIB, MIB, Bounded

BOUNDS: dict[str, tuple[float, float]] = {
    "max_file_bytes": (1, 2 * GIB - 4 * KIB),
    "max_unpacked_bytes": (1, 1024 * GIB),
    "max_member_bytes": (1, 16 * GIB),
    "max_depth": (1, 64),
    "max_entries": (1, 100_000_000),
    "max_ratio": (1, 1_000_000),
    "max_memory_bytes": (512 * MIB, 1024 * GIB),
    "deadline_s": (0.05, 86_400),
}
"""Lowest and highest accepted value per limit, in the limit's own unit."""


@dataclass(frozen=True, slots=True)
class Limits(Bounded):
    """How much of one scanned file is examined. Hitting any of them makes the file `incomplete`.

    All of them are counted on what was really produced, never on what a header claims. The three marked
    *kernel* or *reader* are enforced outside the process they limit.
    """

    max_file_bytes: int = 1 * GIB
    """Bytes read of one file on disk (the rest is not examined)."""
    max_unpacked_bytes: int = 1 * GIB
    """Bytes produced by unpacking, all depths together, per file on disk."""
    max_member_bytes: int = 512 * MIB
    """Bytes produced for one member of a container."""
    max_depth: int = 16
    """Containers inside containers."""
    max_entries: int = 250_000
    """Members of containers, all depths together, per file on disk."""
    max_ratio: int = 2_000
    """Bytes produced per byte of the file on disk, counted once 64 MiB were produced."""
    max_memory_bytes: int = 4 * GIB
    """Address space of one examiner (kernel: RLIMIT_AS)."""
    deadline_s: float = 120.0
    """Wall-clock seconds for one file on disk (kept by the reader)."""

    bounds = BOUNDS


RATIO_FLOOR_BYTES = 64 * MIB
"""Unpacked bytes below which `max_ratio` is not looked at: small files compress by large factors honestly."""
