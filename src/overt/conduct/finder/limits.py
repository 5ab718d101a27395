"""Every limit of the finder: named, with its unit."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is searched. What is past a limit is said in `opaque.jsonl`, never passed over in silence."""

    window_bytes: int = 16 * MIB
    """Of one stream that are searched by one worker; what is encoded or packed across windows is found only as far
    as one window (and the overlap) shows it."""
    overlap_bytes: int = MIB
    """Of a window that are searched again with the next."""
    max_joined_bytes: int = 64 * MIB
    """Of the parts of one concatenation."""
    max_depth: int = 7
    """Encodings within encodings."""
    max_blobs: int = 20_000
    """Decoded pieces looked at for one window or concatenation."""
    max_decoded_ratio: int = 12
    """Decoded bytes looked at, per byte of the window."""
    min_decoded_bytes: int = 32 * MIB
    """Decoded bytes looked at however small the window is."""
    max_piece_bytes: int = 32 * MIB
    """Of one decoded piece."""
    max_memory_bytes: int = 3 << 30
    """Address space of one worker (kernel: RLIMIT_AS)."""
    max_answer_bytes: int = 64 * MIB
    """Of one worker's answer (kept by the finder, which kills)."""
    max_sightings: int = 20_000
    """In one window."""
    deadline_s: float = 300.0
    """Seconds for one window or concatenation (kept by the finder, which kills)."""
    max_search_s: float = 6 * 3600.0
    """Seconds for a whole run: evidence made to be slow does not hold whoever looks at it for ever."""
    workers: int = 2
    """Searching side by side."""
