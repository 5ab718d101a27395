"""One look at everything: the checkpoints of all places, the releases that are new, and whether all is fresh."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace
from tuf.api.metadata import Root, Timestamp

from overt.channel import layout
from overt.channel.monitor.alarm import Alarm, Kind, readable
from overt.channel.monitor.examine import NO_SOURCES, Context, changed_by, examine
from overt.channel.monitor.readers import MonitorReaders
from overt.channel.monitor.rebuild import Builders
from overt.channel.monitor.record import Signer
from overt.channel.monitor.sources import Find
from overt.channel.monitor.state import State
from overt.channel.monitor.views import View
from overt.channel.monitor.watcher import Watcher
from overt.channel.publisher.roles import parse as parse_role
from overt.channel.publisher.roles import root_charter
from overt.channel.publisher.state import policy_of
from overt.channel.tree import Tree
from overt.channel.witness.office import unix_now
from overt.core.errors import PeerLied, Unproven
from overt.tlog import proof as proofs
from overt.tlog.keys import VerifierKey
from overt.tlog.merkle import leaf_hash
from overt.tlog.note import MAX_NOTE_BYTES
from overt.tlog.policy import Policy

MAX_AGE_S = 24 * 3600
"""Age at which clients refuse cosignatures."""
MAX_AHEAD_S = 300
"""How far a witness's clock may be ahead of this machine's."""
RETRIED_S = 14 * 24 * 3600
"""Age of a release up to which its sources are looked for again."""
RETRIED = 32
"""Incomplete releases looked at again in one round."""
CHANNEL = "the channel"


@dataclass(frozen=True, slots=True)
class Watch:
    """What to follow. `root`: the root metadata that the operator trusts; `patience_s`: seconds that something may
    be out of reach before it is an alarm."""

    root: bytes
    readers: MonitorReaders
    builders: Builders | None
    """None: nothing is built again."""
    patience_s: int
    now_s: Callable[[], int] = unix_now


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one round did: releases taken in, and how many there are."""

    new: int
    size: int


class Round(Watcher):
    """Looks at the channel, again and again, with one state."""

    def __init__(self, state: State, watch: Watch) -> None:
        """Raises `ChannelError` for a root that is none, `MonitorError` for a state of another channel."""
        charter = root_charter(parse_role(watch.root, Root, "the root given").signed)
        super().__init__(state, charter.origin, watch.patience_s, watch.now_s)
        self._watch = watch
        state.settle("channel", charter.channel)

    def look(self, tree: Tree, places: Sequence[View], find: Find | None = None) -> Outcome:
        """One round. Raises `MonitorError` only: everything else that goes wrong is kept, shown, and raises alarms."""
        before = self._state.head.size
        lacking = self._state.missing()
        own = [
            View(CHANNEL, lambda: tree(layout.CHECKPOINT, MAX_NOTE_BYTES)),
            View(CHANNEL, lambda: tree(layout.PROOF, layout.MAX_PROOF_BYTES)),
        ]
        served = self._seen(own, places)
        watch = self._watch
        context = Context(
            self._state, tree, watch.root, self.origin, watch.readers, watch.builders, find, watch.now_s
        )
        if served:
            with self._held("log", Kind.FETCH_FAILED, self._patience_s, "reading the log"):
                self._follow(tree, *served, partial(examine, context))
        self._again(context, lacking)
        self._fresh(tree)
        size = self._state.head.size
        self._state.looked(self._now_s())
        return Outcome(size - before, size)

    def _log_keys(self) -> list[VerifierKey]:
        """Every key that was the log's by a root that is followed: an old one must not sign a second history either."""
        known = [self._watch.root, *(row.data for row in self._state.roots())]
        return list({log.key: None for data in known for log in _policy(data).logs})

    # releases

    def _cosigned_later(self, signers: tuple[Signer, ...]) -> None:
        """Releases that were logged before they were witnessed."""
        for row in self._state.releases() if signers else ():
            if any(one.role == "witness" for one in row.signers):
                return
            self._state.amend(replace(row, signers=(*row.signers, *signers)))

    def _again(self, context: Context, lacking: Sequence[int]) -> None:
        """Look again for what these releases lacked, then say what all of them lack."""
        now_s = self._now_s()
        for serial in lacking[-RETRIED:]:
            known = self._state.release(serial)
            old = known is not None and now_s - known.seen_s > RETRIED_S
            if known is None or (known.missing == NO_SOURCES and (not context.find or old)):
                continue
            with self._held("again", Kind.FETCH_FAILED, self._patience_s):
                row = examine(context, serial, self._state.leaf(serial), None)
                if known.missing != NO_SOURCES and row.missing in ("", NO_SOURCES):
                    changed_by(context, serial)
                if row.missing in ("", NO_SOURCES):
                    self._state.end(f"release {serial}", now_s)
        without = []
        for serial in self._state.missing():
            lacks = self._state.release(serial)
            if lacks and lacks.missing == NO_SOURCES:
                without.append(serial)
            elif lacks:
                text = f"release {serial}: {lacks.missing}"
                alarm = Alarm(Kind.FETCH_FAILED, f"release {serial}", text, serial)
                self._hold(alarm, self._patience_s)
        self._without_sources(without)

    def _without_sources(self, serials: Sequence[int]) -> None:
        if not serials:
            self._state.end("sources", self._now_s())
            return
        named = ", ".join(map(str, serials[-10:]))
        text = f"no sources are published for {len(serials)} releases ({named})"
        self._hold(Alarm(Kind.NO_SOURCES, "sources", text, serials[-1]), self._patience_s)

    # freshness

    def _policy(self) -> Policy:
        roots = self._state.roots()
        return _policy(roots[-1].data if roots else self._watch.root)

    def _fresh(self, tree: Tree) -> None:
        """That a client could use what is served now."""
        if not self._state.roots():
            return
        with self._held("proof", Kind.FREEZE, 0, "clients refuse the newest proof"):
            self._check_proof(tree(layout.PROOF, layout.MAX_PROOF_BYTES))
        with self._held("timestamp", Kind.FREEZE, 0, "clients refuse timestamp.json"):
            self._check_timestamp(tree(layout.TIMESTAMP, layout.MAX_METADATA_BYTES))

    def _check_proof(self, data: bytes) -> None:
        """As a client does: witnesses, their age, inclusion, and only the newest leaf."""
        proof = proofs.parse(data)
        now_s = self._now_s()
        leaf = leaf_hash(proof.extra)
        accepted = proofs.verify(proof, leaf, self._policy(), now_s - MAX_AGE_S, now_s + MAX_AHEAD_S)
        size = accepted.checkpoint.head.size
        if proof.index != size - 1:
            raise PeerLied(f"it proves release {proof.index} of {size}, not the newest")
        times = {readable(name): time_s for name, time_s in accepted.cosigned_s}
        self._state.note("cosigned", json.dumps(times))
        self._state.note("witnessed_size", str(size))

    def _check_timestamp(self, data: bytes) -> None:
        timestamp = parse_role(data, Timestamp, layout.TIMESTAMP)
        root = parse_role(self._state.roots()[-1].data, Root, "root").signed
        if not root.get_verification_result("timestamp", timestamp.signed_bytes, timestamp.signatures):
            raise PeerLied("it lacks the signature that root demands")
        self._state.note("timestamp_expires", f"{timestamp.signed.expires:%Y-%m-%dT%H:%M:%SZ}")
        if timestamp.signed.expires.timestamp() < self._now_s():
            raise Unproven(f"it expired at {timestamp.signed.expires:%Y-%m-%d %H:%M} UTC")


def _policy(root: bytes) -> Policy:
    return policy_of(root_charter(parse_role(root, Root, "root").signed))
