"""Waiting for what is to happen, however busy the machine is: a test never takes a guess at how long that takes."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 120.0


def until(true: Callable[[], object], seconds: float = PATIENCE_S) -> bool:
    """Whether it became true; False when it did not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
