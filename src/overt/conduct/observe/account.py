"""What programs did with files, as it is written down: under the names that the files had before the product came."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from overt.conduct.evidence.records import FileAccess
from overt.conduct.observe.fanotify import Range
from overt.conduct.observe.links import Links
from overt.conduct.observe.naming import Names
from overt.conduct.observe.opened import Contents
from overt.conduct.observe.signs import Signs
from overt.conduct.observe.tally import EXECUTE, LIST, MAX_ENTRIES, OPEN, Tally, printable


@dataclass(slots=True)
class Account:
    """From the descriptor that an event brings, while the process that asked for it waits or has just gone on."""

    contents: Contents
    names: Names | None
    """Where the product may mount: what it calls a file is not believed."""
    prefixes: tuple[tuple[str, str], ...]
    """(mount as the lab sees it, as the product sees it), for those that see the lab's mounts; empty where nobody of
    the product's does."""
    signs: Signs
    tally: Tally = field(default_factory=Tally)
    _links: Links = field(default_factory=Links)
    _tentative: dict[tuple[int, int, int], tuple[str, float, int, int]] = field(default_factory=dict)

    def path(self, descriptor: int, process: int) -> str:
        """What the chamber calls the open file; of one that has no name, a text that says so."""
        try:
            path = self._links.path(descriptor)
        except OSError as error:  # ENAMETOOLONG: deeper than the kernel can name
            status = os.fstat(descriptor)
            path = f"(a file without a name: device {status.st_dev}, inode {status.st_ino})"
            self.signs.tell(f"process {process} used {path}: {error.strerror}", attempt=True)
            return path
        return path if self.names is None else self._true(self.names, path, descriptor, process)

    def inside(self, path: str) -> str:
        """As the product names it: who is in the lab's own mount namespace sees the lab's mounts."""
        for outside, inside in self.prefixes:
            if path == outside or path.startswith(outside + "/"):
                return inside.rstrip("/") + path[len(outside) :] or "/"
        return path

    def opened(self, number: int, path: str, descriptor: int, at_s: float) -> None:
        """By program `number`; a folder is listed."""
        status = os.fstat(descriptor)
        first = self.contents.name(descriptor, status, path)
        name = path if first is None else self._name(number, path, first)
        self.tally.opened(number, name, LIST if stat.S_ISDIR(status.st_mode) else OPEN, at_s)

    def executed(self, number: int, path: str, at_s: float) -> None:
        """A file that was opened to be executed, by program `number` or as it; it may have been refused."""
        self.tally.opened(number, path, EXECUTE, at_s)

    def ranged(self, number: int, path: str, descriptor: int, found: Range, at_s: float) -> None:
        """Read or written: that is known by whether a change follows. Ranges are whole pages: the last is cut."""
        status = os.fstat(descriptor)
        key = number, status.st_dev, status.st_ino
        self._settle(key)
        offset, length = found
        if length:
            first = self.contents.name(descriptor, status, path)
            name = path if first is None else self._name(number, path, first)
            self._tentative[key] = name, at_s, offset, max(0, min(length, status.st_size - offset))
            if len(self._tentative) > MAX_ENTRIES:
                self._settle_all()

    def changed(self, number: int, descriptor: int) -> None:
        """What was announced was a write."""
        status = os.fstat(descriptor)
        self._tentative.pop((number, status.st_dev, status.st_ino), None)

    def take(self) -> Iterator[FileAccess]:
        """Everything since the last time."""
        self._settle_all()
        return self.tally.take(self.inside)

    def _name(self, number: int, path: str, name: str) -> str:
        """Of a file that was called `name` before the product came, whatever the product calls it."""
        if name == self.inside(path):
            return path
        if not name:
            what = f"used a file of the system as {printable(path)}: its first name is not known"
            self.signs.tell(what, by=number)
            return path
        if self.contents.is_hidden(name, path):
            self.signs.tell(f"used {name} under another name, {printable(path)}", by=number, attempt=True)
        return name

    def _settle(self, key: tuple[int, int, int]) -> None:
        before = self._tentative.pop(key, None)
        if before is not None:
            path, at_s, offset, length = before
            self.tally.read(key[0], path, at_s, offset, length)

    def _settle_all(self) -> None:
        for key in list(self._tentative):
            self._settle(key)

    def _true(self, names: Names, path: str, descriptor: int, process: int) -> str:
        try:
            found = names.true(path, descriptor, process)
        except (FileNotFoundError, ProcessLookupError):
            return path  # killed while it waited
        if found is None:
            self.signs.tell(
                f"a file that process {process} calls {printable(path)} was used through a mount without a name"
            )
        return path if found is None else found
