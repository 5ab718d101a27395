"""The file trees that are measured."""

from __future__ import annotations

import os
import random
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

FILES_PER_FOLDER = 500
SMALL_BYTES = 1_000


def regular_files(top: Path) -> Iterator[tuple[str, int]]:
    """Path and size of each regular file below `top`, links not followed."""
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode):
                yield path, status.st_size


def count(top: Path) -> tuple[int, int]:
    """Number of regular files below `top`, and their bytes."""
    files = size = 0
    for _, each in regular_files(top):
        files, size = files + 1, size + each
    return files, size


def small_files(top: Path, number: int) -> Path:
    """A tree of `number` different text-like files of about one kilobyte, made once."""
    draw = random.Random(number)
    words = [bytes(draw.choices(b"abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 11))) for _ in range(2_000)]
    text = b" ".join(draw.choices(words, k=40_000))
    for first in range(0, number, FILES_PER_FOLDER):
        folder = top / f"{first // 100_000:03}" / f"{first // FILES_PER_FOLDER:06}"
        folder.mkdir(parents=True)
        for index in range(first, min(first + FILES_PER_FOLDER, number)):
            start = draw.randrange(len(text) - 2 * SMALL_BYTES)
            fd = os.open(f"{folder}/{index:07}.txt", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.write(
                fd,
                b"%d " % index + text[start : start + draw.randint(SMALL_BYTES // 2, SMALL_BYTES * 3 // 2)],
            )
            os.close(fd)
    return top


def unpacked_packages(cache: Path, top: Path) -> Path:
    """Every Debian package in `cache` unpacked below `top`: real files, when the system has too few."""
    for package in sorted(cache.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, top / package.stem], check=True)
    return top
