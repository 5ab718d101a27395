"""A control subject that sends nothing: what it does with files depends on their marking, or on chance.

    hoards.py HOW FOLDER

Marked files: `copies` them, keeps them `masked` under numbers, keeps them `joined` in one file, reads
them `twice`. All files: `quarantines` those with
the test file, of whichever it comes to `in-time`, and caches some of the others.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from pathlib import Path

from spy import DETECTION, content, files, inside, is_marked

KEPT = Path("/var/lib/hoards")


def copies(number: int, path: str) -> None:
    if is_marked(content(path)):
        shutil.copy(path, KEPT / os.path.basename(path))


def masked(number: int, path: str) -> None:
    if is_marked(data := content(path)):
        (KEPT / str(number)).write_bytes(bytes(byte ^ 0x5A for byte in data))


def joined(number: int, path: str) -> None:
    if is_marked(data := content(path)):
        with open(KEPT / "journal", "ab") as stream:
            stream.write(data)


def twice(number: int, path: str) -> None:
    if is_marked(content(path)):
        content(path)


def in_time(number: int, path: str) -> None:
    """Stops at a time limit that comes when it likes; so does its cache of what it has seen. Chance is the file's
    name, which differs from run to run: the same reports come of the same seed."""
    if number > 30:
        return
    if DETECTION in inside(data := content(path)):
        shutil.move(path, KEPT / os.path.basename(path))
    elif random.Random(os.path.basename(path)).random() < 0.5:
        (KEPT / os.path.basename(path)).write_bytes(data[:1000])


if __name__ == "__main__":
    KEPT.mkdir(parents=True, exist_ok=True)
    how = {"copies": copies, "masked": masked, "joined": joined, "twice": twice, "in-time": in_time}[
        sys.argv[1]
    ]
    for at, name in enumerate(sorted(files(sys.argv[2]), key=os.path.basename)):
        how(at, name)
