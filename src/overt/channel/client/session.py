"""The processes of an update: couriers with the network, workers for bundles, and this one, which becomes the verifier.

Everything is started first; then this process locks itself down: no socket, nothing executed, and it writes only below
the channels' folder and the ledger's. Only then is the first fetched byte looked at.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from overt.channel.client import place
from overt.channel.client.jobs import Workers
from overt.channel.client.place import Place
from overt.channel.client.source import InFolder, OverCourier, Recorder, Source
from overt.channel.client.update import Client, Wishes
from overt.core.errors import EgressError, UsageError
from overt.egress.courier import Courier
from overt.egress.job import Job
from overt.ledger import Ledger
from overt.rules import active, subscribed
from overt.rules.compile import Tell, silent
from overt.rules.subscribed import Subscription
from overt.sandbox.policy import VERIFIER
from overt.sandbox.view import confine_writing
from overt.store.paths import paths


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach a channel's tree."""

    url: str
    folder: Path | None = None
    """A copy of the tree on this machine, instead of the network."""
    ca_file: Path | None = None
    proxy: str | None = None


def way_of(one: Subscription, folder: Path | None, ca_file: Path | None, proxy: str | None) -> Way:
    """As the user says now, else as the channel was added."""
    own = Path(one.ca_file) if one.ca_file else None
    return Way(one.url, folder, ca_file or own, one.proxy if proxy is None else proxy)


@dataclass(frozen=True, slots=True)
class Session:
    """What is running: the client, and how each channel is read. A channel that can't be read has its reason."""

    client: Client
    sources: Mapping[str, Source]


class Unreachable:
    """A source whose courier could not be started: its reason, to everything that is asked."""

    def __init__(self, error: EgressError) -> None:
        self._error = error

    def read(self, path: str, max_bytes: int, etag: str = "") -> NoReturn:
        """Raises the reason."""
        raise self._error


@contextmanager
def session(
    ways: Mapping[str, Way], wishes: Wishes | None = None, unconfined: bool = False, tell: Tell = silent
) -> Iterator[Session]:
    """Start everything for these channels (name → way), then confine this process for good (not with `unconfined`).

    Raises `ConfinementError`, `LedgerError`, `UsageError`.
    """
    where = paths()
    with ExitStack() as stack:
        lock = stack.enter_context(place.locked(where.data))
        recorder = Recorder(Ledger.open(where.ledger))
        workers = Workers(not unconfined)
        stack.callback(workers.close)
        keep = {0, 1, 2, lock, *workers.descriptors}
        sources = {}
        for name, way in ways.items():
            Place(where.data, name).create()
            sources[name] = _source(name, way, where.data, recorder, unconfined, stack, keep)
        active.recipe(where.data)  # what it loads is loaded, what is damaged is found
        workers.started()
        if not unconfined:
            _lock_down([subscribed.folder(where.data), where.ledger], keep)
        client = Client(where.data, recorder.ledger.append, workers, time.time, wishes or Wishes(), tell)
        yield Session(client, sources)


def _source(
    name: str, way: Way, data: Path, recorder: Recorder, unconfined: bool, stack: ExitStack, keep: set[int]
) -> Source:
    if way.folder is not None:
        if not way.folder.is_dir():
            raise UsageError(f"{way.folder} is no folder: name one that holds a channel's tree")
        return InFolder(way.folder.absolute())
    job = Job(way.url, Place(data, name).spool, way.ca_file, way.proxy, "update", name)
    try:
        courier = stack.enter_context(Courier.start(job, recorder, unconfined=unconfined))
    except EgressError as error:
        return Unreachable(error)
    keep.update(courier.descriptors)
    return OverCourier(courier, recorder)


def _lock_down(folders: Sequence[Path], keep: set[int]) -> None:
    """Nothing is left open but `keep`, so that no descriptor from before writes elsewhere. Standard input is closed for
    good: without Landlock a file that was opened for reading could be opened anew for writing, by /proc/self/fd."""
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(nothing, 0)
    os.close(nothing)
    confine_writing(VERIFIER, folders, keep)
    os.chdir("/")
