"""The warden: process 1 of a process namespace, in which everything of a run lives, so that all ends when it does.

Mounts, loop devices, cables, processes are in its namespaces: whatever dies, and however, the kernel cleans up. What a
kernel can't is the work folder, which lies on disk (the homes' image, and empty folders to mount on) and the control
groups: they go at the end, or with the next start (`sweep`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from overt.conduct.chamber import groups, kernel
from overt.core.errors import ConductError, OvertError

LOCK = ".warden.lock"
RUN_PREFIX = "run-"
MAX_WORDS = 8000
NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
LOOP_GONE_S = 10.0
TERMINATED = (signal.SIGTERM, signal.SIGHUP)
_uplink = -1
"""Of the warden's process alone."""


class Terminated(BaseException):
    """SIGTERM or SIGHUP came while a warden was at work; it has been ended, and what is left removed."""


def in_warden(work: Callable[[Path], None], state_folder: Path, uplink: bool = False) -> None:
    """Run `work(folder)` in a warden of its own, with a new folder below `state_folder`, and wait for it; then remove
    that folder, which must be empty. Only with `uplink` can anything in it get at this machine's network
    (`host_network`): for pass-through.

    Raises `ConductError` with what failed. Ctrl-C, SIGTERM and the death of this process end everything.
    """
    with held(state_folder) as folder, _terminable():
        status, words = _run(work, folder, uplink)
    if status != 0:
        raise ConductError(words or _died(status))


@contextlib.contextmanager
def held(state_folder: Path) -> Iterator[Path]:
    """A new work folder below `state_folder`, which only root may enter, kept from `sweep` while it is in use, and
    removed afterwards. Raises `OSError`."""
    state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(state_folder):
        folder = state_folder / f"{RUN_PREFIX}{os.getpid()}-{time.monotonic_ns()}"
        folder.mkdir(mode=0o700)
        lock = _locked(folder / LOCK)
    try:
        yield folder
    finally:
        with _alone(state_folder):
            _remove(folder)
            os.close(lock)


def sweep(state_folder: Path) -> list[str]:
    """Remove what runs that died left: work folders below `state_folder` whose warden is gone, and control groups that
    have no process and no lab any more. Returns the names of the folders. Raises `ConductError` if something is in the
    way."""
    removed = []
    with _alone(state_folder) if state_folder.is_dir() else contextlib.nullcontext():
        for folder in sorted(state_folder.glob(RUN_PREFIX + "*")):
            if folder.is_symlink() or not folder.is_dir():
                continue
            try:
                lock = _locked(folder / LOCK)
            except BlockingIOError:
                continue  # at work
            try:
                _remove(folder)
                removed.append(folder.name)
            finally:
                os.close(lock)
        groups.remove(groups.orphans())
    return removed


@contextlib.contextmanager
def _alone(state_folder: Path) -> Iterator[None]:
    """No other lab makes or removes work folders here meanwhile."""
    lock = _locked(state_folder / LOCK, wait=True)
    try:
        yield
    finally:
        os.close(lock)


def _locked(path: Path, wait: bool = False) -> int:
    """A descriptor that holds the lock. Raises `BlockingIOError` where another has it, `OSError`."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(lock)
        raise
    return lock


def host_network() -> int:
    """In a warden with an uplink: a descriptor of the host's network namespace. A relay that enters it (setns(2)) makes
    its outgoing sockets there. It is never handed to the product. Raises `ConductError` in any other warden."""
    if _uplink < 0:
        raise ConductError("this run has no way to the host's network: only pass-through mode has one")
    return _uplink


def _run(work: Callable[[Path], None], work_folder: Path, uplink: bool) -> tuple[int, str]:
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe, _uninterrupted() as before:
        pid = _fork(writing)
        if pid == 0:
            pipe.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            _be_warden(work, work_folder, writing, uplink)
        os.close(writing)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            words = pipe.read(MAX_WORDS)
            return os.waitstatus_to_exitcode(_reap(pid)), words.decode(errors="replace")
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            _reap(pid)
            raise


def _fork(writing: int) -> int:
    """Fork process 1 of a new process namespace; this process stays in its own. Raises `ConductError`."""
    sys.stdout.flush()
    sys.stderr.flush()
    ours = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        kernel.unshare(kernel.CLONE_NEWPID)
        pid = -1
        try:
            pid = os.fork()
        finally:
            if pid != 0:
                kernel.setns(ours, kernel.CLONE_NEWPID)
        return pid
    except OSError as error:
        os.close(writing)
        raise ConductError(f"no warden could be started: {error.strerror}: the lab needs root") from error
    finally:
        os.close(ours)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[set[signal.Signals]]:
    """Signals that end a run wait, so that none comes between a fork and knowing of it. Yields the mask of before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *TERMINATED})
    try:
        yield before  # type: ignore[misc]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _reap(pid: int) -> int:
    """Wait for the warden; every process of its namespace has ended when this returns (pid_namespaces(7))."""
    return os.waitpid(pid, 0)[1]


def _be_warden(work: Callable[[Path], None], work_folder: Path, words: int, uplink: bool) -> NoReturn:
    status = 1
    try:
        _settle(words, uplink)
        work(work_folder)
        status = 0
    except OvertError as error:
        os.write(words, str(error).encode(errors="replace")[:MAX_WORDS])
    except BaseException:
        text = traceback.format_exc()
        os.write(
            words, f"the lab has a defect, please report it: {text}".encode(errors="replace")[:MAX_WORDS]
        )
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _settle(words: int, uplink: bool) -> None:
    """Tie this process' life to its parent's, and make its namespaces."""
    os.umask(0o022)
    os.setsid()  # Ctrl-C is the parent's to handle; and no terminal, for the product to type into
    kernel.die_with_parent()
    gone = select.poll()
    gone.register(words, 0)  # POLLERR: nobody reads
    if gone.poll(0):
        raise ConductError("the lab ended before its warden had begun")
    for number in (signal.SIGINT, *TERMINATED):
        signal.signal(number, signal.SIG_DFL)
    if uplink:
        global _uplink
        _uplink = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    kernel.unshare(NAMESPACES)
    kernel.make_private()
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", "/proc", "proc", flags)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP become an exception, so that what is left is removed; where Python can (its main thread)."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise Terminated(f"ended by {signal.Signals(number).name}")

    try:
        before = {number: signal.signal(number, stop) for number in TERMINATED}
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _remove(folder: Path) -> None:
    """Remove a work folder, of which nothing is mounted and no loop device uses a file any more."""
    listed = folder / "groups"
    if listed.is_file():
        groups.remove(Path(line) for line in listed.read_text().splitlines())
    if below := [place for place, _ in kernel.mounts() if place.is_relative_to(folder.absolute())]:
        raise ConductError(f"{below[0]} is mounted: unmount it, then start again")
    deadline = time.monotonic() + LOOP_GONE_S
    while _in_use(folder) and time.monotonic() < deadline:
        time.sleep(0.01)
    shutil.rmtree(folder)


def _in_use(folder: Path) -> bool:
    """Whether a loop device still uses a file in `folder`: mounts of a dead namespace go soon, but not at once."""
    for listed in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if Path(listed.read_text().strip()).is_relative_to(folder):
                return True
    return False


def _died(status: int) -> str:
    if status < 0:
        return f"the chamber's warden was killed ({signal.Signals(-status).name}): nothing of the run is left"
    return "the chamber's warden ended without a word"
