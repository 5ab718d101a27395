"""The file observer as the lab uses it: started before the product, cut at the end of each step, stopped at the end.

What it writes is raw: process numbers are its own, and steps are not known yet (`attribution` puts that right).
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import msgspec

from overt.conduct.observe import fanotify
from overt.conduct.observe.account import Account
from overt.conduct.observe.bell import Bell
from overt.conduct.observe.fanotify import Mask
from overt.conduct.observe.naming import Names
from overt.conduct.observe.opened import Contents, Identities, identities, no_secret
from overt.conduct.observe.origins import Origins
from overt.conduct.observe.residents import depth_of_this_process
from overt.conduct.observe.signs import Signs
from overt.conduct.observe.watch import CUT, DONE, STOP, Trailer, Watch, settle_in
from overt.core.errors import ConductError
from overt.sandbox.lockdown import close_others

PROCESSES, ACCESSES, TRAILER = "processes.jsonl", "accesses.jsonl", "observer.json"
ANSWER_S = 60.0
"""How long the observer may take to write what it has."""
PR_SET_PDEATHSIG = 1
TICK_NS = 20_000_000
"""By which the times of files may lag behind the clock: two ticks of the slowest kernel."""

FILES = int(Mask.OPEN_PERM | Mask.OPEN_EXEC_PERM)
EVERYWHERE = FILES | int(Mask.ONDIR)
RANGES = FILES | int(Mask.PRE_ACCESS | Mask.MODIFY)


class Watched(Protocol):
    """A mount of a file system that is the chamber's own: all of it is watched."""

    @property
    def mount(self) -> Path:
        """As the lab reaches it."""

    @property
    def inside(self) -> str:
        """As the product sees it."""

    @property
    def ranges(self) -> bool:
        """Whether its file system tells byte ranges (ext4 since Linux 6.14)."""


class FileObserver:
    """One observer process. `watched` and `everyone` as `start` takes them."""

    def __init__(self) -> None:
        self._child = 0
        self._control: socket.socket | None = None
        self._folder = Path()
        self.layers: tuple[str, ...] = ()
        """`open`, and `ranges` where at least one mount tells them."""
        self.without_ranges: tuple[str, ...] = ()
        """Mounts (as the product sees them) that should have told ranges, and why they don't."""

    @property
    def pid(self) -> int:
        """Of the observer's process; 0 when there is none."""
        return self._child

    def start(
        self,
        watched: Iterable[Watched],
        folder: Path,
        clock_zero: float,
        everyone: bool = False,
        planted: Mapping[str, Path] = MappingProxyType({}),
        names: Names | None = None,
        origins: Origins | None = None,
        secret_kind: Callable[[str], str] = no_secret,
        may_move: Collection[str] = (),
    ) -> None:
        """Mark `watched` and begin; records go into `folder`, which must not be on any of them.

        `clock_zero`: the run's beginning on the monotonic clock. `everyone`: processes of the caller's own process
        namespace are the product's too. `planted`: files (path inside → path here) that are recorded under their
        names of now even when they are linked, renamed or mounted elsewhere. `names`: what other files are called,
        where the product may mount. `origins`: the first names of the system's files, by which they are recorded; it is
        closed here. `secret_kind`: what kind of secret a path inside is, so that other names of it are told.
        `may_move`: those of `planted` whose other names are not told.

        Raises `ConductError`.
        """
        watched = tuple(watched)
        began_ns = time.time_ns() - int((time.monotonic() - clock_zero) * 1e9) - TICK_NS
        contents = Contents(_identities(planted), origins, began_ns, secret_kind, may_move)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        queue, folders, bell = self._marked(watched, folder)
        self._control, theirs = socket.socketpair()
        streams = open(folder / PROCESSES, "wb"), open(folder / ACCESSES, "wb")
        prefixes = tuple((str(item.mount), item.inside) for item in watched) if everyone else ()
        signs = Signs(clock_zero)
        watch = Watch(
            queue,
            folders,
            bell,
            theirs.fileno(),
            clock_zero,
            *streams,
            depth_of_this_process(),
            everyone,
            Account(contents, names, prefixes, signs),
            signs,
        )
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self._child = os.fork()
        if self._child == 0:
            _observe(watch, folder / TRAILER, parent)
        theirs.close()
        for stream in streams:
            stream.close()
        for descriptor in (queue, folders):
            if descriptor is not None:
                os.close(descriptor)
        bell.close()
        if origins is not None:
            origins.close()

    def cut(self) -> None:
        """Write everything that happened until now: what comes later makes records of its own. For ends of steps.

        Raises `ConductError` when the observer is gone.
        """
        self._tell(CUT)
        control = self._open_control()
        if not select.select([control], [], [], ANSWER_S)[0] or control.recv(1) != DONE:
            raise self._gone()

    def alive(self) -> bool:
        """Whether it still observes."""
        return (
            self._child != 0
            and os.waitid(os.P_PID, self._child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        )

    def stop(self) -> Trailer:
        """End it, when nothing of the product runs any more. Raises `ConductError` when it did not end well."""
        try:
            self._tell(STOP)
        finally:
            self._wait()
        try:
            return msgspec.json.decode((self._folder / TRAILER).read_bytes(), type=Trailer)
        except (OSError, msgspec.DecodeError) as error:
            raise self._gone() from error

    def close(self) -> None:
        """End it at once, whatever it has not written. For after an error."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            self._wait()

    def _marked(self, watched: tuple[Watched, ...], folder: Path) -> tuple[int, int | None, Bell]:
        """Groups that are asked before any on-access scanner of contents: what that refuses, later ones never see."""
        groups: list[int] = []
        try:
            groups.append(fanotify.group(fanotify.CLASS_PRE_CONTENT))
            telling = self._mark_ranges([item for item in watched if item.ranges], groups)
            for item in watched:
                if item not in telling:
                    fanotify.mark(groups[0], item.mount, EVERYWHERE)
            return groups[0], groups[1] if telling else None, Bell(groups[0], folder)
        except OSError as error:
            for descriptor in groups:
                os.close(descriptor)
            raise ConductError(
                f"files can't be observed: {error.strerror}: the lab needs root and a kernel with "
                f"CONFIG_FANOTIFY_ACCESS_PERMISSIONS"
            ) from error

    def _mark_ranges(self, wanted: list[Watched], groups: list[int]) -> list[Watched]:
        """Those that tell ranges. Their folders are asked for by a group of its own: the kernel puts no mark before
        contents beside one that wants folders too."""
        telling: list[Watched] = []
        refused: list[str] = []
        for item in wanted:
            try:
                fanotify.mark(groups[0], item.mount, RANGES)
            except OSError as error:
                refused.append(f"{item.inside}: {error.strerror}")
                continue
            if not telling:
                groups.append(fanotify.group(fanotify.CLASS_PRE_CONTENT))
            fanotify.mark_folders(groups[1], item.mount, int(Mask.OPEN_PERM))
            telling.append(item)
        self.layers = ("open", "ranges") if telling else ("open",)
        self.without_ranges = tuple(refused)
        return telling

    def _tell(self, word: bytes) -> None:
        try:
            self._open_control().sendall(word)
        except OSError as error:
            raise self._gone() from error

    def _open_control(self) -> socket.socket:
        if self._control is None:
            raise ConductError("the file observer is not at work: start it first")
        return self._control

    def _gone(self) -> ConductError:
        trailer = self._folder / TRAILER
        why = trailer.read_bytes()[:500].decode("utf-8", "replace") if trailer.exists() else ""
        return ConductError(
            f"the file observer ended before its time{f' ({why})' if why else ''}, and what it had not written to "
            f"{self._folder} is lost: run again; is the machine out of memory or disk?"
        )

    def _wait(self) -> None:
        if self._child == 0:
            return
        os.waitpid(self._child, 0)
        self._child = 0
        if self._control is not None:
            self._control.close()
            self._control = None


def _observe(watch: Watch, trailer: Path, parent: int) -> None:
    """The child: never returns."""
    status, target = 1, -1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        origins = watch.account.contents.origins
        layers = origins.descriptors if origins is not None else ()
        target = os.open(trailer, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        close_others({0, 1, 2, target, *layers, *watch.descriptors})
        settle_in()
        if os.getppid() == parent:
            os.write(target, msgspec.json.encode(watch.run()))
            status = 0
    except Exception as error:
        os.write(target, f"{error!r}".encode())  # no trailer: `stop` raises, and shows this
    finally:
        os._exit(status)


def _identities(planted: Mapping[str, Path]) -> Identities:
    try:
        return identities(planted)
    except OSError as error:
        raise ConductError(
            f"{error.filename}: {error.strerror}: this file was to be planted before it is observed"
        ) from error
