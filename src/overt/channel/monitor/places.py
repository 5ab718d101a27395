"""The ways to the channel, its witnesses, its mirrors and its sources: a courier each, or a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from overt.channel import layout
from overt.channel.monitor import sources
from overt.channel.monitor.sources import Find
from overt.channel.monitor.views import View
from overt.channel.tree import Tree, at
from overt.core.errors import EgressError
from overt.egress.limits import CourierLimits
from overt.egress.recorded import Record
from overt.tlog.note import MAX_NOTE_BYTES
from overt.tlog.witness import monitoring_path

PURPOSE = "monitor"
SPOOL = "spool"
LIMITS = CourierLimits(total_deadline_s=6 * 3600, max_cpu_s=1800)
"""A first look fetches, reviews and rebuilds every release there ever was while its couriers wait."""

_Fetch = Callable[[], bytes]
_TreeAt = Callable[[str], Tree]


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look: addresses, folders and files, as the operator wrote them."""

    channel: str
    witnesses: Sequence[str] = ()
    """Monitoring addresses of witnesses (c2sp.org/tlog-witness), or files with a checkpoint."""
    mirrors: Sequence[str] = ()
    """Other copies of the channel's tree."""
    sources: str = ""
    """See `sources`."""
    ca_file: Path | None = None
    unconfined: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """What a round looks at."""

    tree: Tree
    views: tuple[View, ...]
    find: Find | None
    descriptors: tuple[int, ...]
    """What a process that locks itself down must keep open."""


@contextmanager
def reached(places: Places, origin: str, folder: Path, record: Record) -> Iterator[Reached]:
    """All places, with couriers whose spools are below `folder`. A place that is out of reach raises when it is asked.

    Raises `ConfinementError` when couriers can't be confined, and what `record` raises.
    """
    keep: set[int] = set()
    with ExitStack() as stack:

        def tree_at(source: str) -> Tree:
            spool = folder / SPOOL / hashlib.sha256(source.encode()).hexdigest()[:16]
            made = at(source, spool, record, places.unconfined, PURPOSE, places.ca_file, LIMITS, keep)
            try:
                return stack.enter_context(made)
            except EgressError as error:
                return _lost(error)

        places = _absolute(places)
        views = [View(name, _checkpoint(tree_at, name, origin)) for name in places.witnesses]
        views += [_mirror(name, tree_at(name)) for name in places.mirrors]
        channel, find = tree_at(places.channel), _find(places.sources, tree_at)
        yield Reached(channel, tuple(views), find, tuple(keep))


def _absolute(places: Places) -> Places:
    """With paths that hold in whatever folder this process works later."""
    return replace(
        places,
        channel=_from_here(places.channel),
        witnesses=tuple(map(_from_here, places.witnesses)),
        mirrors=tuple(map(_from_here, places.mirrors)),
        sources=_from_here(places.sources) if places.sources else "",
    )


def _from_here(name: str) -> str:
    return name if _is_address(name) else str(Path(name).absolute())


def _checkpoint(tree_at: _TreeAt, name: str, origin: str) -> _Fetch:
    if not _is_address(name):
        return lambda: _read(Path(name))
    tree = tree_at(name)
    return lambda: tree(monitoring_path(origin), MAX_NOTE_BYTES)


def _mirror(name: str, tree: Tree) -> View:
    return View(name, lambda: tree(layout.CHECKPOINT, MAX_NOTE_BYTES))


def _find(source: str, tree_at: _TreeAt) -> Find | None:
    if not source:
        return None
    return sources.on_server(tree_at(source)) if _is_address(source) else sources.in_folder(Path(source))


def _read(path: Path) -> bytes:
    with open(path, "rb") as stream:
        return stream.read(MAX_NOTE_BYTES + 1)


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _lost(error: EgressError) -> Tree:
    def read(path: str, max_bytes: int) -> bytes:
        raise error

    return read
