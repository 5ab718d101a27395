"""Who reads bundles in tests: confined processes as anywhere, without the dynamic check, which takes its time."""

from __future__ import annotations

from functools import cache

from overt.channel.monitor.readers import MonitorReaders
from overt.sandbox.expendable import Bounds

IMPATIENT = Bounds(max_memory_bytes=768 << 20, max_answer_bytes=64 << 20, deadline_s=20)


@cache
def static_readers() -> MonitorReaders:
    """One nursery for all tests of this process."""
    return MonitorReaders(dynamic=False)


@cache
def impatient_readers() -> MonitorReaders:
    """With little memory and time, for bundles that want all of it."""
    return MonitorReaders(dynamic=False, bounds=IMPATIENT)
