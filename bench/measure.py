"""Time and memory of whole process trees, each run alone."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
SAMPLE_EVERY_S = 0.25
"""How often memory is looked at. Looking costs the kernel a walk over the page tables."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The same thing measured several times."""

    seconds: tuple[float, ...]
    peak_bytes: int = 0
    """Largest sum of the tree's proportional set sizes (PSS), in any run; 0: not measured."""

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        """Median, and lowest to highest."""
        if len(self.seconds) == 1:
            return f"{_figure(self.seconds[0])} (1 run)"
        return f"{_figure(self.median_s)} ({_figure(min(self.seconds))}–{_figure(max(self.seconds))})"


def _figure(seconds: float) -> str:
    return f"{seconds:.3f} s" if seconds < 10 else f"{seconds:.1f} s"


def repeat(rounds: int, once: Callable[[], float], before: Callable[[], None] = lambda: None) -> Runs:
    """`once` (it returns seconds) `rounds` times, with `before` ahead of each."""
    seconds = []
    for _ in range(rounds):
        before()
        seconds.append(once())
    return Runs(tuple(seconds))


def drop_caches() -> None:
    """Make the kernel forget file contents and directories. Raises `PermissionError` unless root."""
    os.sync()
    DROP_CACHES.write_text("3")


def can_drop_caches() -> bool:
    """Whether this user may drop the kernel's caches."""
    return os.access(DROP_CACHES, os.W_OK)


def command(
    arguments: Sequence[str], good: Sequence[int] = (0,), environment: Mapping[str, str] | None = None
) -> float:
    """Wall-clock seconds of a command, its output discarded. Raises `RuntimeError` for an unexpected status."""
    began = time.perf_counter()
    done = subprocess.run(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        check=False,
    )
    elapsed = time.perf_counter() - began
    if done.returncode not in good:
        raise RuntimeError(f"{arguments[0]} ended with {done.returncode}: {done.stderr[-2000:].decode()}")
    return elapsed


def with_memory(
    arguments: Sequence[str], good: Sequence[int] = (0,), environment: Mapping[str, str] | None = None
) -> tuple[float, int]:
    """Seconds, and the peak PSS in bytes of the command with all its processes."""
    began = time.perf_counter()
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    watch = Watch(process.pid)
    status = process.wait()
    elapsed = time.perf_counter() - began
    peak = watch.stop()
    if status not in good:
        raise RuntimeError(f"{arguments[0]} ended with {status}")
    return elapsed, peak


class Watch:
    """Looks at the memory of a process and everything below it until stopped."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(SAMPLE_EVERY_S):
            self._peak = max(self._peak, sum(map(pss, family(self._pid))))

    def stop(self) -> int:
        """The peak in bytes."""
        self._ended.set()
        self._thread.join()
        return self._peak


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry))
    found, queue = [pid], [pid]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def pss(pid: int) -> int:
    """Proportional set size in bytes: shared pages count for their share. 0 when the process is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
