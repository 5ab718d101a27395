"""Damaged archives, discs and disks: every one gets an examination; a library's crash costs its process only.

`OVERT_FUZZ` is the number of inputs (default 400). They are examined in forked children, as in a real scan.
"""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import NamedTuple

import pytest

from overt.core.bounded import MIB
from overt.core.limits import Limits
from tests.formats.make_archives import FIXTURES as ARCHIVES
from tests.formats.make_disks import FIXTURES as DISKS
from tests.formats.mutation import mutate
from tests.payload import examiner

CASES = int(os.environ.get("OVERT_FUZZ", "400"))
FIRST_SEED = int(os.environ.get("OVERT_FUZZ_SEED", "20171101"))
MAX_FIXTURE_BYTES = MIB
DEADLINE_S = 30.0
LIMITS = Limits(max_unpacked_bytes=64 * MIB, max_entries=20_000)
DONE, RAISED = b".", b"!"


class Tally(NamedTuple):
    """Cases (fixture and seed) by what happened to the process that examined them."""

    raised: list[str]
    crashed: list[str]
    hung: list[str]


def examine_all(inputs: list[tuple[str, bytes]]) -> Tally:
    """Examine each input in a forked child that goes on until it dies; then the next child goes on after it."""
    tally = Tally([], [], [])
    at = 0
    while at < len(inputs):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _child(inputs[at:], writing)
        os.close(writing)
        at = _follow(reading, child, inputs, at, tally)
        os.close(reading)
        os.waitpid(child, 0)
    return tally


def _child(inputs: list[tuple[str, bytes]], writing: int) -> None:
    engine = examiner(LIMITS, passwords=("password",))
    for _, data in inputs:
        try:
            engine.examine(data)
            os.write(writing, DONE)
        except BaseException:
            os.write(writing, RAISED)
    os._exit(0)


def _follow(reading: int, child: int, inputs: list[tuple[str, bytes]], at: int, tally: Tally) -> int:
    """Read one answer per input; returns the index to go on from when the child is dead."""
    while at < len(inputs):
        ready, _, _ = select.select([reading], [], [], DEADLINE_S)
        answer = os.read(reading, 1) if ready else b""
        if not ready:
            os.kill(child, signal.SIGKILL)
            tally.hung.append(inputs[at][0])
        elif not answer:
            tally.crashed.append(inputs[at][0])
        elif answer == RAISED:
            tally.raised.append(inputs[at][0])
        at += 1
        if not answer:
            break
    return at


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    built = {
        name: build(tmp_path_factory.mktemp(name.replace(" ", "_")))
        for name, build in (ARCHIVES | DISKS).items()
    }
    return {name: data for name, data in built.items() if len(data) <= MAX_FIXTURE_BYTES}


def test_damaged_archives_get_an_examination(originals: dict[str, bytes], tmp_path: Path) -> None:
    names = sorted(originals)
    inputs = []
    for number in range(CASES):
        name, seed = names[number % len(names)], FIRST_SEED + number
        inputs.append((f"{name} seed {seed}", mutate(originals[name], seed)))
    tally = examine_all(inputs)
    print(f"{CASES} inputs of {len(names)} formats: {len(tally.crashed)} crashes {tally.crashed[:20]}")
    assert not tally.raised
    assert not tally.hung
    assert len(tally.crashed) <= max(1, CASES // 200)
