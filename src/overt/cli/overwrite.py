"""What keeps an output from destroying something: a file that a scan reads is never written to, and one that is there
is opened as it is, to be emptied when the scan is under way (`overt.cli.render.output`)."""

from __future__ import annotations

import argparse
import os
import stat
from collections.abc import Iterable, Iterator

from overt.core.errors import UsageError
from overt.store.paths import paths

STANDARD = "-"


def inputs(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """(what it is, file name) of everything that the command line and the configuration have the scan read."""
    yield from (("something to scan", target) for target in args.targets)
    yield from (("the list of --files-from", name) for name in (args.files_from,) if name)
    yield from (("a file of --exclude-from", name) for name in args.exclude_from or ())
    yield from (("a file of --passwords-from", name) for name in args.passwords_from or ())
    yield from (("the rule pack of --pack", name) for name in (args.pack,) if name)
    yield from (("a configuration file", name) for name in args.config or ())
    yield from (("a configuration file", str(path)) for path in paths().config)


def identities(named: Iterable[tuple[str, str]]) -> dict[tuple[int, int], str]:
    """(device, inode) → what it is, for those that are regular files."""
    found: dict[tuple[int, int], str] = {}
    for what, name in named:
        try:
            status = os.fstat(0) if name == STANDARD else os.stat(name)
        except OSError:
            continue  # whoever reads it says so
        if stat.S_ISREG(status.st_mode):
            found.setdefault((status.st_dev, status.st_ino), what)
    return found


def open_whole(name: str, option: str, read: dict[tuple[int, int], str]) -> int:
    """Open `name` for writing, made if need be, with what it holds left as it is.

    Raises `UsageError` when it cannot be opened, or is one of the files in `read` (see `identities`), to which it is
    added.
    """
    try:
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise UsageError(f"cannot write the {option} output to {name}: {error.strerror}") from error
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode):
        identity = status.st_dev, status.st_ino
        if identity in read:
            os.close(fd)
            raise UsageError(
                f"{option} {name} would overwrite {read[identity]}: give the output another name"
            )
        read[identity] = f"the {option} output"
    return fd


def empty(fd: int) -> None:
    """Empty a regular file; anything else is left as it is."""
    if stat.S_ISREG(os.fstat(fd).st_mode):
        os.ftruncate(fd, 0)
