"""How disordered bytes are."""

from __future__ import annotations

import math
from collections.abc import Sequence


def bits_per_byte(counts: Sequence[int]) -> float:
    """Shannon entropy of bytes that occur `counts` times, 0 to 8."""
    total = sum(counts)
    if not total:
        return 0.0
    return max(0.0, -sum(n / total * math.log2(n / total) for n in counts if n))
