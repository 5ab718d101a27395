"""What a scan session is asked to do, and who is told about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from overt.core.limits import Limits
from overt.core.model import ChannelNotice, FileReport, StaleChannel, Summary


@dataclass(frozen=True, slots=True)
class Request:
    """One scan session. Defaults are those of a plain `overt scan PATH`."""

    targets: tuple[str, ...]
    """Files and folders; `-` is standard input."""
    files_from: str | None = None
    """A file that lists targets, one a line (`-`: standard input)."""
    null_separated: bool = False
    """Targets in `files_from` end with NUL instead of a newline."""
    follow_symlinks: bool = False
    one_file_system: bool = False
    exclude: tuple[str, ...] = ()
    """Patterns in `.gitignore` syntax, relative to each target."""
    exclude_from: tuple[str, ...] = ()
    """Files of such patterns."""
    limits: Limits = field(default_factory=Limits)
    passwords: tuple[str, ...] = ()
    """Tried on encrypted members."""
    workers: int = 0
    """Examiner processes; 0: one per usable processor."""
    cache: bool = True
    """Skip files whose verdict is known and which have not changed."""
    cache_after_s: float = 90.0
    """A verdict is remembered only when the file had not changed for this many seconds before it was read: by then
    the kernel has written back (and write-protected) its dirty memory-mapped pages, so that the next store through
    an old mapping shows in the change time."""
    quarantine: bool = False
    """Move infected files into the vault."""
    unconfined: bool = False
    """Scan even where the kernel cannot confine; every report says so."""
    ignore_rules: tuple[str, ...] = ()
    """Globs over rule names, or over `PACK:RULE`: their findings are reported as ignored and decide nothing."""
    pack: str | None = None
    """A rule pack file to use instead of this machine's."""
    stale: tuple[StaleChannel, ...] = ()
    """Channels whose rules may be old, for the reports."""
    notices: tuple[ChannelNotice, ...] = ()
    """What else the reports say of channels."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a session stands; totals are 0 until they are known."""

    files: int
    bytes: int
    total_files: int
    total_bytes: int
    elapsed_s: float
    current: str = ""


class Sink(Protocol):
    """Receives a session's results in the reader process, after lock-down: it may write only to what is already
    open, and must not start processes."""

    every_file: bool
    """False: files that are clean without a note, from the cache, may be left out (they are in the totals)."""
    shows_progress: bool
    """True: `progress` is called, and the totals are counted ahead for it."""

    def file(self, report: FileReport) -> None:
        """One file's outcome, as soon as it is known."""

    def progress(self, progress: Progress) -> None:
        """At most ten times a second."""

    def finish(self, summary: Summary) -> None:
        """The end of the session, also of an interrupted one."""
