"""The walk: from targets to files, at bounded memory, by descriptors so that nothing is followed unasked.

Every directory entry ends somewhere: as a file to examine, as a gap (unreadable, vanished), or counted as
excluded, a link, or not a file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from overt.core.errors import UsageError
from overt.core.model import Gap, Reason
from overt.scan.mounts import Mounts
from overt.scan.request import Request

if TYPE_CHECKING:
    import pathspec

CHUNK = 1024
"""Entries handled together: what a directory of millions costs in memory, and one record of the verdict cache."""
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(slots=True)
class Tally:
    """What the walk left out on purpose."""

    excluded: int = 0
    not_files: int = 0
    links: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some files of one directory. `folder_fd` is open until the walk is asked for more."""

    folder_fd: int
    folder: str
    """Path of the directory as reports show it; empty for a target that is a file."""
    key: tuple[int, int, int] | None
    """(device, inode, index of the chunk), or None when no verdict of it may be remembered."""
    files: list[tuple[str, os.stat_result]]

    def path(self, name: str) -> str:
        """The file's path as reports show it."""
        return os.path.join(self.folder, name)


@dataclass(frozen=True, slots=True)
class Lost:
    """A path that could not be looked at."""

    path: str
    gap: Gap


Found = Chunk | Lost


@dataclass(slots=True)
class Level:
    """One directory on the way down. `fd` is the walk's to close."""

    fd: int
    path: str
    relative: str
    """Path below the target, with a slash at its end; empty for the target itself."""
    identity: tuple[int, int]
    folders: list[str] = field(default_factory=list)
    """Names still to be entered, the next one last."""


@dataclass(slots=True)
class Walk:
    """The walk over all targets of one request."""

    request: Request
    mounts: Mounts
    tally: Tally = field(default_factory=Tally)
    _excludes: pathspec.GitIgnoreSpec | None = None

    def __post_init__(self) -> None:
        self._excludes = _excludes(self.request)

    def __iter__(self) -> Iterator[Found]:
        for target in _targets(self.request):
            yield from self._target(target)

    def _target(self, target: str) -> Iterator[Found]:
        try:
            status = os.stat(target)
            fd = os.open(target, DIRECTORY) if stat.S_ISDIR(status.st_mode) else -1
        except OSError as error:
            yield Lost(target, gap_of(error))
            return
        if fd >= 0:
            yield from self._tree(Level(fd, target, "", identity(os.fstat(fd))))
        elif stat.S_ISREG(status.st_mode):
            yield Chunk(AT_FDCWD, "", None, [(target, status)])
        else:
            yield Lost(target, Gap(Reason.UNREADABLE, "not a file or folder: to scan a stream, use '-'"))

    def _tree(self, top: Level) -> Iterator[Found]:
        """A directory and everything below: of each directory its files in chunks, then its folders by name.

        As deep as there are descriptors; below that, `Lost` says so.
        """
        levels = [top]
        try:
            yield from self._files(top)
            while levels:
                here = levels[-1]
                if not here.folders:
                    os.close(levels.pop().fd)
                    continue
                inner = self._enter(levels, here.folders.pop())
                if isinstance(inner, Lost):
                    yield inner
                elif inner is not None:
                    levels.append(inner)
                    yield from self._files(inner)
        finally:
            for level in levels:
                os.close(level.fd)

    def _files(self, level: Level) -> Iterator[Found]:
        """The files of one directory, in chunks; its folders are left in `level.folders`."""
        device, inode = level.identity
        trusted = self.mounts.keeps_change_time(device)
        files: list[tuple[str, os.stat_result]] = []
        index = 0
        try:
            with os.scandir(level.fd) as entries:
                for entry in entries:
                    try:
                        self._sort(entry, level, files)
                    except OSError as error:
                        yield Lost(os.path.join(level.path, entry.name), gap_of(error))
                    if len(files) == CHUNK:
                        yield Chunk(level.fd, level.path, (device, inode, index) if trusted else None, files)
                        files, index = [], index + 1
        except OSError as error:
            yield Lost(level.path, gap_of(error))
        if files:
            yield Chunk(level.fd, level.path, (device, inode, index) if trusted else None, files)
        level.folders.sort(reverse=True)

    def _sort(self, entry: os.DirEntry[str], level: Level, files: list[tuple[str, os.stat_result]]) -> None:
        """Put one entry where it belongs. Raises `OSError` when it cannot be looked at."""
        follow = self.request.follow_symlinks
        if entry.is_dir(follow_symlinks=follow):
            if self._excludes is not None and self._excluded(f"{level.relative}{entry.name}/"):
                self.tally.excluded += 1
            else:
                level.folders.append(entry.name)
        elif not follow and entry.is_symlink():
            self.tally.links += 1
        elif self._excludes is not None and self._excluded(level.relative + entry.name):
            self.tally.excluded += 1
        else:
            status = entry.stat(follow_symlinks=follow)
            if stat.S_ISREG(status.st_mode):
                files.append((entry.name, status))
            else:
                self.tally.not_files += 1

    def _enter(self, levels: list[Level], name: str) -> Level | Lost | None:
        """Open a folder of the last level; None when it is left out on purpose."""
        above = levels[-1]
        path = os.path.join(above.path, name)
        try:
            nofollow = 0 if self.request.follow_symlinks else os.O_NOFOLLOW
            fd = os.open(name, DIRECTORY | nofollow, dir_fd=above.fd)
        except OSError as error:
            return Lost(path, gap_of(error))
        inner = Level(fd, path, f"{above.relative}{name}/", identity(os.fstat(fd)))
        elsewhere = inner.identity[0] != above.identity[0]
        if elsewhere and self.mounts.pseudo(inner.identity[0]):
            self.tally.not_files += 1
        elif elsewhere and self.request.one_file_system:
            self.tally.excluded += 1
        elif self.request.follow_symlinks and any(level.identity == inner.identity for level in levels):
            self.tally.links += 1  # a loop: its files are on their way already
        else:
            return inner
        os.close(fd)
        return None

    def _excluded(self, relative: str) -> bool:
        assert self._excludes is not None
        return bool(self._excludes.match_file(relative))


AT_FDCWD = -100
"""`openat(2)`: relative to the working directory."""


def identity(status: os.stat_result) -> tuple[int, int]:
    """Device and inode."""
    return status.st_dev, status.st_ino


def gap_of(error: OSError) -> Gap:
    """Why a path could not be looked at."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return Gap(Reason.VANISHED, "no such file or folder")
    return Gap(Reason.UNREADABLE, (error.strerror or str(error)).lower())


def _excludes(request: Request) -> pathspec.GitIgnoreSpec | None:
    """All exclusion patterns of a request. Raises `UsageError` naming the file or pattern that is wrong."""
    lines = list(request.exclude)
    for name in request.exclude_from:
        try:
            with open(name, encoding="utf-8") as patterns:
                lines.extend(patterns.read().splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the exclusion patterns in {name}: {error}") from error
    if not lines:
        return None
    import pathspec  # 20 ms that a scan without exclusions does not pay

    try:
        return pathspec.GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise UsageError(f"an exclusion pattern is not in .gitignore syntax: {error}") from error


def _targets(request: Request) -> Iterable[str]:
    """The targets named on the command line, then those listed in `files_from`, one by one as they are read."""
    yield from (target for target in request.targets if target != "-")
    if request.files_from is None:
        return
    with _list(request.files_from) as listed:
        rest = b""
        separator = b"\0" if request.null_separated else b"\n"
        while block := listed.read(1 << 16):
            *whole, rest = (rest + block).split(separator)
            yield from filter(None, (_listed(name, request.null_separated) for name in whole))
        if last := _listed(rest, request.null_separated):
            yield last


def _list(name: str) -> BinaryIO:
    """Raises `UsageError` when it is not there to be read."""
    try:
        return open(0 if name == "-" else name, "rb", closefd=name != "-")
    except OSError as error:
        raise UsageError(f"cannot read the list of --files-from {name}: {error.strerror}") from error


def _listed(name: bytes, exact: bool) -> str:
    """A name from a list, without the carriage return of a list written on Windows, unless a file is named so."""
    if not exact and name.endswith(b"\r") and not os.path.lexists(name):
        name = name[:-1]
    return os.fsdecode(name)
