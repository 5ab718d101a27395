"""CPU of polls that find nothing new, measured from inside: `python -m bench.poll CHANNEL POLLS` prints seconds.

The session is the real one with its courier; not confined, since a confined process can't read others' times. What a
poll costs does not include starting Python, which a command does once.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from bench.measure import family

from overt.channel.client.outcome import UpToDate
from overt.channel.client.session import session, way_of
from overt.channel.client.subscribe import existing
from overt.store.paths import paths

ROUNDS = 10
"""Among these, one that nobody else disturbed."""


def main(name: str, polls: int) -> None:
    """Poll in rounds, and print JSON: of the round that took the least CPU, seconds of wall clock, CPU of this process
    and CPU of the others, each per poll."""
    way = way_of(existing(paths().data, name), None, None, "")
    with session({name: way}, unconfined=True) as running:
        source = running.sources[name]
        for _ in range(3):
            assert isinstance(running.client.update(name, source), UpToDate)
        others = [pid for pid in family(os.getpid()) if pid != os.getpid()]
        rounds = []
        for _ in range(ROUNDS):
            before = time.perf_counter(), time.process_time(), _cpu_s(others)
            for _ in range(polls // ROUNDS):
                running.client.update(name, source)
            after = time.perf_counter(), time.process_time(), _cpu_s(others)
            rounds.append(
                [(end - begin) / (polls // ROUNDS) for begin, end in zip(before, after, strict=True)]
            )
    wall, own, other = min(rounds, key=lambda each: each[1] + each[2])
    print(json.dumps({"wall_s": wall, "verifier_s": own, "courier_s": other}))


def _cpu_s(pids: list[int]) -> float:
    """CPU seconds of processes (proc(5), schedstat: nanoseconds)."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e9


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
