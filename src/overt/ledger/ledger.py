"""The ledger as the rest of Overt uses it."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from overt.core.errors import LedgerError
from overt.ledger import files
from overt.ledger.entry import Entry, utc
from overt.ledger.head import MAX_HEAD_BYTES, Head, opened
from overt.ledger.kinds import OWN, Facts, checked
from overt.ledger.reading import entries
from overt.ledger.writer import SEGMENT_BYTES, Writer
from overt.store.folders import make_private


class Ledger:
    """An append-only, hash-chained, signed record in one folder. Safe between threads and processes.

    All methods raise `LedgerError`.
    """

    def __init__(self, writer: Writer) -> None:
        """Use `open`."""
        self._writer = writer
        self._mutex = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self._writer.folder

    @classmethod
    def open(cls, folder: Path, segment_bytes: int = SEGMENT_BYTES, clock: Callable[[], str] = utc) -> Ledger:
        """The ledger in `folder`, made with a key of its own (modes 0700 and 0600) when it is not there yet.

        What an interruption left is settled, and recorded in the ledger itself. `clock` gives an entry's time.
        """
        ledger = cls(Writer(folder, segment_bytes, clock))
        with _explained(folder, "opened"):
            make_private(folder)
        with ledger._held("opened"):
            ledger._writer.settle()
        return ledger

    def append(self, kind: str, facts: Facts) -> Entry:
        """Record one thing; when this returns it is durable (written and fsynced), and only then may it be done.

        `kind` is a `Kind` and `facts` are as `overt.ledger.kinds.SCHEMAS` says. After an error the entry is not there
        (only a disk that fails even to take it back may keep it).
        """
        known = checked(kind, facts)
        if known in OWN:
            raise LedgerError(f"entries {kind} are the ledger's own")
        with self._held("written"):
            return self._writer.write(*self._writer.settle(), known, facts)[0]

    def head(self) -> Head:
        """The signed head now: keep its `note` elsewhere, and it is an anchor."""
        with self._held("read"):
            self._writer.settle()
            return opened(files.content(self.folder / files.HEAD, MAX_HEAD_BYTES))

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """The entries numbered from `start` to before `stop`, in memory for one; `verify` is what checks them."""
        return entries(self.folder, start, stop)

    def rotate_key(self, reason: str = "") -> Entry:
        """Continue with a new key; the old one is destroyed. Returns the entry that names the new one."""
        with self._held("written"):
            return self._writer.rotate(*self._writer.settle(), reason)

    @contextmanager
    def _held(self, what: str) -> Iterator[None]:
        with self._mutex, _explained(self.folder, what), files.locked(self.folder):
            yield


@contextmanager
def _explained(folder: Path, what: str) -> Iterator[None]:
    """Say what an error of the operating system means here."""
    try:
        yield
    except OSError as error:
        text = (error.strerror or str(error)).lower()
        hint = _HINTS.get(error.errno or 0, "")
        raise LedgerError(f"the ledger {str(folder)!r} can't be {what}: {text}{hint}") from error


_FREE = ": free some space and try again; nothing is fetched or sent that can't be recorded"
_HINTS = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EROFS: ": the medium can't be changed; remount it writable",
    errno.EACCES: ": try again as its owner or as root",
    errno.EPERM: ": try again as its owner or as root",
    errno.EIO: ": the disk fails; see the kernel's log",
    errno.ETIMEDOUT: ": see which one (fuser, lsof), end it if it hangs, and try again",
    errno.ELOOP: ": a symbolic link is where a file of the ledger should be",
}
