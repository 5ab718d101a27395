"""The walk: from targets to files, at bounded memory, by descriptors so that nothing is followed unasked.

Every directory entry ends somewhere: as a file to examine, as a gap (unreadable, vanished), or counted as
excluded, a link, or not a file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pathspec

from overt.core.errors import UsageError
from overt.core.model import Gap, Reason
from overt.scan.mounts import Mounts
from overt.scan.request import Request

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
        except OSError as error:
            yield Lost(target, gap_of(error))
            return
        if stat.S_ISDIR(status.st_mode):
            try:
                fd = os.open(target, DIRECTORY)
            except OSError as error:
                yield Lost(target, gap_of(error))
                return
            yield from self._folder(fd, target, "", ((status.st_dev, status.st_ino),))
        elif stat.S_ISREG(status.st_mode):
            yield Chunk(AT_FDCWD, "", None, [(target, status)])
        else:
            self.tally.not_files += 1

    def _folder(
        self, fd: int, path: str, relative: str, above: tuple[tuple[int, int], ...]
    ) -> Iterator[Found]:
        """One directory: its files in chunks, then its folders. Closes `fd`."""
        try:
            folders: list[str] = []
            yield from self._files(fd, path, relative, above, folders)
            folders.sort()
            for name in folders:
                yield from self._enter(fd, name, path, relative, above)
        finally:
            os.close(fd)

    def _files(
        self, fd: int, path: str, relative: str, above: tuple[tuple[int, int], ...], folders: list[str]
    ) -> Iterator[Found]:
        device, inode = above[-1]
        trusted = self.mounts.keeps_change_time(device)
        files: list[tuple[str, os.stat_result]] = []
        index = 0
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    try:
                        self._sort(entry, relative, files, folders)
                    except OSError as error:
                        yield Lost(os.path.join(path, entry.name), gap_of(error))
                    if len(files) == CHUNK:
                        yield Chunk(fd, path, (device, inode, index) if trusted else None, files)
                        files, index = [], index + 1
        except OSError as error:
            yield Lost(path, gap_of(error))
        if files:
            yield Chunk(fd, path, (device, inode, index) if trusted else None, files)

    def _sort(
        self,
        entry: os.DirEntry[str],
        relative: str,
        files: list[tuple[str, os.stat_result]],
        folders: list[str],
    ) -> None:
        """Put one entry where it belongs. Raises `OSError` when it cannot be looked at."""
        follow = self.request.follow_symlinks
        if not follow and entry.is_symlink():
            self.tally.links += 1
        elif entry.is_dir(follow_symlinks=follow):
            if self._excluded(relative + entry.name + "/"):
                self.tally.excluded += 1
            else:
                folders.append(entry.name)
        elif self._excluded(relative + entry.name):
            self.tally.excluded += 1
        else:
            status = entry.stat(follow_symlinks=follow)
            if stat.S_ISREG(status.st_mode):
                files.append((entry.name, status))
            else:
                self.tally.not_files += 1

    def _enter(
        self, parent: int, name: str, path: str, relative: str, above: tuple[tuple[int, int], ...]
    ) -> Iterator[Found]:
        inner = os.path.join(path, name)
        try:
            fd = os.open(
                name, DIRECTORY | (0 if self.request.follow_symlinks else os.O_NOFOLLOW), dir_fd=parent
            )
        except OSError as error:
            yield Lost(inner, gap_of(error))
            return
        status = os.fstat(fd)
        identity = (status.st_dev, status.st_ino)
        elsewhere = status.st_dev != above[-1][0]
        if elsewhere and self.mounts.pseudo(status.st_dev):
            self.tally.not_files += 1
        elif (elsewhere and self.request.one_file_system) or identity in above:
            self.tally.excluded += 1
        else:
            yield from self._folder(fd, inner, f"{relative}{name}/", (*above, identity))
            return
        os.close(fd)

    def _excluded(self, relative: str) -> bool:
        return self._excludes is not None and self._excludes.match_file(relative)


AT_FDCWD = -100
"""`openat(2)`: relative to the working directory."""


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
    try:
        return pathspec.GitIgnoreSpec.from_lines(lines) if lines else None
    except ValueError as error:
        raise UsageError(f"an exclusion pattern is not in .gitignore syntax: {error}") from error


def _targets(request: Request) -> Iterable[str]:
    """The targets named on the command line, then those listed in `files_from`, one by one as they are read."""
    yield from (target for target in request.targets if target != "-")
    if request.files_from is None:
        return
    with open(
        0 if request.files_from == "-" else request.files_from, "rb", closefd=request.files_from != "-"
    ) as listed:
        rest = b""
        separator = b"\0" if request.null_separated else b"\n"
        while block := listed.read(1 << 16):
            *whole, rest = (rest + block).split(separator)
            yield from (os.fsdecode(name) for name in whole if name)
        if rest:
            yield os.fsdecode(rest)
