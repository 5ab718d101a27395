"""A small stand-in for the chamber: an overlay over /usr, a tmpfs and homes on ext4, in a mount namespace of its own.

What happens in it is observed as in the lab. Whatever is mounted goes with the process that mounted it.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from overt.conduct.evidence.records import Access, FileAccess
from overt.conduct.observe.files import ACCESSES, PROCESSES, FileObserver
from overt.conduct.observe.raw import RawProcess
from overt.conduct.observe.watch import Trailer
from tests.conftest import require

CLONE_NEWNET = 0x4000_0000
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x0002_0000, 1 << 14, 1 << 18
HOMES_BYTES = 32 << 20
_libc = ctypes.CDLL(None, use_errno=True)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the lab needs root")


@dataclass(frozen=True)
class Place:
    """One watched mount."""

    mount: Path
    inside: str
    ranges: bool = False


@dataclass
class Stage:
    """What a test works with, inside."""

    root: Path
    """The overlay over /usr, and a chroot for what runs "in the chamber" is not needed: paths are told as `inside`."""
    homes: Path
    temporary: Path
    upper: Path
    work: Path
    places: tuple[Place, ...]
    observer: FileObserver = field(default_factory=FileObserver)
    zero: float = 0.0

    def observe(self, planted: dict[str, Path] | None = None) -> None:
        self.zero = time.monotonic()
        self.observer.start(self.places, self.work / "raw", self.zero, everyone=True, planted=planted or {})

    def seen(self) -> Seen:
        trailer = self.observer.stop()
        return Seen(
            trailer,
            _read(self.work / "raw" / PROCESSES, RawProcess),
            _read(self.work / "raw" / ACCESSES, FileAccess),
        )


@dataclass
class Seen:
    """What the observer wrote."""

    trailer: Trailer
    processes: list[RawProcess]
    accesses: list[FileAccess]

    def of(self, process: RawProcess) -> list[FileAccess]:
        return [access for access in self.accesses if access.process == process.number]

    def ran(self, *arguments: str) -> RawProcess:
        found = [process for process in self.processes if process.arguments[: len(arguments)] == arguments]
        assert len(found) == 1, (arguments, [process.arguments for process in self.processes])
        return found[0]

    def used(self, path: str, access: Access) -> list[FileAccess]:
        return [row for row in self.accesses if row.path == path and row.access == access]


def on_stage(test: Callable[[Stage], Any], work: Path) -> Any:
    """Run `test` in a process and mount namespace of its own; its result, or its failure."""
    require(os.geteuid() == 0, "root")
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            with os.fdopen(writing, "wb") as answer:
                pickle.dump(_result(test, work), answer)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        data = stream.read()
    os.waitpid(child, 0)
    assert data, "the stage died"
    failure, value = pickle.loads(data)
    if failure:
        pytest.fail(failure, pytrace=False)
    return value


def _result(test: Callable[[Stage], Any], work: Path) -> tuple[str, Any]:
    stage = None
    try:
        stage = _set(work)
        return "", test(stage)
    except BaseException:
        return traceback.format_exc(), None
    finally:
        if stage is not None and stage.observer.pid:
            stage.observer.close()


def _set(work: Path) -> Stage:
    work.mkdir(parents=True, exist_ok=True)
    call("unshare", CLONE_NEWNS)
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    scene = work / "scene"
    scene.mkdir()
    mount("tmpfs", scene, "tmpfs", 0)
    for name in ("upper", "kernel", "root", "homes", "tmp"):
        (scene / name).mkdir()
    layers = f"lowerdir=/usr,upperdir={scene}/upper,workdir={scene}/kernel"
    mount("overlay", scene / "root", "overlay", 0, layers)
    mount("tmpfs", scene / "tmp", "tmpfs", 0)
    image = work / "homes.ext4"
    image.touch()
    os.truncate(image, HOMES_BYTES)
    subprocess.run(["mkfs.ext4", "-q", image], check=True, timeout=300)
    subprocess.run(["mount", "-o", "loop", image, scene / "homes"], check=True, timeout=300)
    places = (
        Place(scene / "root", "/usr"),
        Place(scene / "homes", "/home", ranges=True),
        Place(scene / "tmp", "/tmp"),
    )
    return Stage(scene / "root", scene / "homes", scene / "tmp", scene / "upper", work, places)


def mount(source: str, target: str | Path, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [os.fsencode(text) if text is not None else None for text in (source, target, kind)]
    call("mount", *texts, ctypes.c_ulong(flags), data.encode() if data else None)


def call(name: str, *arguments: object) -> int:
    result = getattr(_libc, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return int(result)


def built(source: str, folder: Path, name: str, *options: str) -> Path:
    """A small C program, compiled."""
    code = folder / f"{name}.c"
    code.write_text(source)
    program = folder / name
    subprocess.run(["gcc", "-O1", "-w", *options, "-o", program, code], check=True, timeout=300)
    return program


def _read(path: Path, kind: type[Any]) -> list[Any]:
    decoder = msgspec.json.Decoder(kind)
    return [decoder.decode(line) for line in path.read_bytes().splitlines()]


def paths(rows: Iterable[FileAccess]) -> set[str]:
    return {row.path for row in rows}
