"""How the warden touches what a product may have changed: never by a path that a link of the product's leads elsewhere.

A link inside the view that says `/etc` means the view's; to the warden it would mean the host's. So, while nothing runs
inside, paths are resolved as the product would (`at`); once something runs, which could change a link between look and
use, the work is done by a child whose root is the view (`run`).
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import msgspec

from overt.conduct.chamber.plan import ROOT, User
from overt.core.errors import ConductError

T = TypeVar("T")

MAX_LINKS = 40
"""As Linux follows at most (path_resolution(7))."""
CHILD_S = 300.0
CHUNK_BYTES = 1 << 20
DONE, FAILED = b"\1", b"\0"


def at(root: Path, inside: str) -> Path:
    """Where the path `inside` is below `root`, every link in it followed as a process with that root would follow it.
    What is not there yet stays as it is written. Raises `ConductError` for links that lead in a circle."""
    left = [part for part in inside.split("/") if part not in ("", ".")][::-1]
    found: list[str] = []
    links = 0
    while left:
        part = left.pop()
        if part == "..":
            found = found[:-1]
            continue
        path = root.joinpath(*found, part)
        if not path.is_symlink():
            found.append(part)
            continue
        links += 1
        if links > MAX_LINKS:
            raise ConductError(f"{inside} in the chamber: links that lead in a circle")
        target = os.readlink(path)
        found = [] if target.startswith("/") else found
        left += [step for step in target.split("/") if step not in ("", ".")][::-1]
    return root.joinpath(*found)


def bring(source: Path, target: Path, owner: User = ROOT) -> None:
    """Copy a file, or a folder with all below it, to `target` (`at`), for `owner`, while nothing runs inside. Raises
    `ConductError`."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target)
        for folder, names, files in os.walk(target):
            for name in (".", *names, *files):
                os.chown(Path(folder) / name, owner.uid, owner.gid, follow_symlinks=False)
        os.chown(target, owner.uid, owner.gid, follow_symlinks=False)
    except (OSError, shutil.Error) as error:
        raise ConductError(f"{source} could not be brought into the chamber: {error}") from error


def run(root: Path, work: Callable[[], T], kind: type[T]) -> T:
    """What `work` returns, of a type that msgspec knows as `kind`, called in a child whose root is `root`.

    Nothing of ours is loaded there: what `work` needs must be imported. Raises `ConductError` with what failed.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be_child(root, work, writing)
    os.close(writing)
    try:
        answer = _read(reading)
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    if answer[:1] != DONE:
        raise ConductError(
            f"the lab could not do its work in the chamber: {answer[1:].decode(errors='replace')}"
        )
    return msgspec.msgpack.decode(answer[1:], type=kind)


def _be_child(root: Path, work: Callable[[], T], writing: int) -> NoReturn:
    answer = FAILED + b"it ended without a word"
    try:
        os.chroot(root)
        os.chdir("/")
        answer = DONE + msgspec.msgpack.encode(work())
    except BaseException as error:
        answer = FAILED + f"{type(error).__name__}: {error}".encode(errors="replace")
    finally:
        with open(writing, "wb") as pipe:
            pipe.write(answer)
        os._exit(0)


def _read(reading: int) -> bytes:
    deadline = time.monotonic() + CHILD_S
    parts: list[bytes] = []
    waiting = select.poll()
    waiting.register(reading, select.POLLIN)
    while True:
        if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return FAILED + f"it took over {CHILD_S:.0f} s".encode()
        part = os.read(reading, CHUNK_BYTES)
        if not part:
            return b"".join(parts)
        parts.append(part)
