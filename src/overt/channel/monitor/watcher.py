"""What every watched log needs: its checkpoints from all places compared, its leaves replayed, troubles kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from overt.channel import layout
from overt.channel.monitor import views
from overt.channel.monitor.alarm import Alarm, Kind, readable
from overt.channel.monitor.database import MonitorError
from overt.channel.monitor.record import SeenHead, Signer
from overt.channel.monitor.state import State
from overt.channel.monitor.views import View
from overt.channel.tree import Tree
from overt.core.errors import ConfinementError, EgressError, LedgerError, OvertError, PeerLied
from overt.tlog.keys import VerifierKey
from overt.tlog.merkle import TreeHead
from overt.tlog.note import Note
from overt.tlog.policy import Policy
from overt.tlog.reader import LogReader
from overt.tlog.signing import verify
from overt.tlog.tiles import MAX_BUNDLE_BYTES as MAX_ENTRIES_BYTES

TakeIn = Callable[[int, bytes, TreeHead, tuple[Signer, ...]], object]
"""Index, leaf, the tree that it is the last leaf of, and the witnesses of the checkpoint through which it is seen."""


class Watcher(ABC):
    """One log and its state."""

    what = "releases"
    """What the log's leaves are called."""

    def __init__(self, state: State, origin: str, patience_s: int, now_s: Callable[[], int]) -> None:
        self._state, self.origin = state, origin
        self._patience_s, self._now_s = patience_s, now_s
        state.settle("origin", origin)

    @abstractmethod
    def _log_keys(self) -> list[VerifierKey]:
        """Every key that was the log's."""

    @abstractmethod
    def _policy(self) -> Policy:
        """The newest policy."""

    # checkpoints

    def _seen(self, own: Sequence[View], places: Sequence[View]) -> tuple[SeenHead, Note] | None:
        """Look at every place's checkpoint; the newest of the log's `own`."""
        found = [self._view(view, f"checkpoint {n} {view.name}") for n, view in enumerate((*own, *places))]
        served = [one for one in found[: len(own)] if one]
        newest = max(served, key=lambda one: one[0].head.size, default=None)
        if newest:
            lines = [
                line for one in found if one and one[0].head == newest[0].head for line in one[1].signatures
            ]
            newest = newest[0], newest[1].signed_also(tuple(lines))
        for view, one in zip(places, found[len(own) :]):
            self._behind(view, one, newest)
        return newest

    def _view(self, view: View, key: str) -> tuple[SeenHead, Note] | None:
        with self._held(key, Kind.FETCH_FAILED, self._patience_s, f"checkpoint of {view.name}"):
            head, note = views.opened(view.fetch(), self._log_keys(), self.origin)
            seen = SeenHead(head.head, view.name, head.note)
            others = self._state.see(seen.head, seen.source, seen.note, self._now_s())
            for other in others:
                self._alarm(views.same_size(other, seen))
            return seen, note
        return None

    def _behind(
        self, view: View, one: tuple[SeenHead, Note] | None, newest: tuple[SeenHead, Note] | None
    ) -> None:
        """A place that knows more releases than the channel serves: somebody is kept on old ones."""
        if not one or not newest:
            return
        known, served = one[0].head.size, newest[0].head.size
        key = f"behind {view.name}"
        if known > served:
            text = (
                f"{newest[0].source} serves {served} {self.what}, {view.name} has cosigned or serves {known}"
            )
            self._hold(Alarm(Kind.FREEZE, key, text), self._patience_s)
        else:
            self._state.end(key, self._now_s())

    # leaves

    def _follow(self, tree: Tree, served: SeenHead, note: Note, take_in: TakeIn) -> None:
        """Take in what is new, release by release; hold everything that was seen against the log."""
        known = self._state.head
        if served.head.size < known.size:
            text = f"{served.source} serves {served.head.size} {self.what}, and had {known.size} before"
            self._hold(Alarm(Kind.FREEZE, "shrunk", text), self._patience_s)
            return
        self._state.end("shrunk", self._now_s())
        waiting = [one for one in self._state.unchecked() if one.head.size <= served.head.size]
        signers = tuple(self._cosigned(note))
        if served.head == known:
            self._cosigned_later(signers)
        if served.head == known and not waiting:
            return
        reader = LogReader(served.head, lambda path: tree(layout.LOG + path, MAX_ENTRIES_BYTES))
        if not self._goes_on(reader, known, served):
            return
        for seen in waiting:
            if alarm := views.against_log(seen, reader, served):
                self._alarm(alarm)
            self._state.checked(seen.head)
        for serial, leaf in enumerate(reader.entries(known.size), known.size):
            head = TreeHead(serial + 1, reader.root_at(serial + 1))
            take_in(serial, leaf, head, signers)

    def _goes_on(self, reader: LogReader, known: TreeHead, served: SeenHead) -> bool:
        try:
            reader.extends(known)
        except PeerLied as error:
            before = self._state.newest_note(known.size)
            if before is None:
                raise MonitorError("the state has releases and no checkpoint: begin a new one") from error
            self._alarm(views.forked(before, served, error))
            return False
        return True

    def _cosigned(self, note: Note) -> Iterator[Signer]:
        """The witnesses that cosigned a checkpoint, by the newest policy."""
        policy = self._policy()
        names = {witness.key: witness.name for witness in policy.witnesses}
        for one in verify(note, names):
            yield Signer("witness", readable(names[one.key]), one.key.encode(), one.timestamp_s or 0)

    @abstractmethod
    def _cosigned_later(self, signers: tuple[Signer, ...]) -> None:
        """What was logged before it was witnessed is cosigned by these."""

    # alarms

    def _alarm(self, alarm: Alarm) -> None:
        self._state.alarm(alarm, self._now_s())

    def _hold(self, alarm: Alarm, patience_s: int) -> None:
        self._state.hold(alarm, self._now_s(), patience_s)

    @contextmanager
    def _held(self, key: str, kind: Kind, patience_s: int, what: str = "") -> Iterator[None]:
        """What goes wrong inside lasts until it goes right. The monitor's own trouble goes through."""
        try:
            yield
        except (MonitorError, ConfinementError, LedgerError):
            raise
        except (OvertError, OSError, LookupError, ValueError) as error:
            lost = isinstance(error, EgressError | OSError)
            text = f"{what}: {error}" if what else str(error)
            alarm = Alarm(Kind.FETCH_FAILED if lost else kind, key, text)
            self._hold(alarm, self._patience_s if lost else patience_s)
        else:
            self._state.end(key, self._now_s())
