"""One channel's update: the steps of `checks` in their order, then compile and install.

The one step that changes what scans use is the replacement of the index, after everything else is durable. Whatever
fails or dies before it, the release before stays, whole.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from tuf.api.exceptions import LengthOrHashMismatchError

from overt.channel import layout
from overt.channel.client import checks, metadata, place
from overt.channel.client.checked import Check
from overt.channel.client.checks import Authority, Served, Witnessed
from overt.channel.client.jobs import Unpack, Workers
from overt.channel.client.metadata import Refreshed
from overt.channel.client.outcome import Available, Outcome, Stale, Updated, UpToDate
from overt.channel.client.place import BUNDLE, METADATA, RELEASE, Place
from overt.channel.client.source import Body, Source, content, tiles
from overt.channel.release import Release
from overt.core.errors import (
    ChannelError,
    EgressError,
    LogError,
    Malformed,
    OvertError,
    PackError,
    PeerAtFault,
    PeerLied,
    Unproven,
)
from overt.ledger import Facts, Kind
from overt.rules import active, subscribed
from overt.rules.compile import Tell, silent
from overt.rules.subscribed import ChannelSet, Index, Installed, Subscription
from overt.sandbox.expendable import WorkerDied
from overt.store import atomic

REFUSALS = (LogError, PeerAtFault, WorkerDied, PackError)
"""What was served is at fault; all other errors are the network's or this machine's."""
FRAME_OVERHEAD_BYTES = 1 << 20
"""Bytes that a compressed bundle may be longer than the bundle."""
ATTEMPTS = 2
"""Times that a release is read anew when the tree changed under it."""

Append = Callable[[str, Facts], object]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for."""

    check: bool = False
    """Look only; install nothing."""
    scheduled: bool = False
    """Nobody is asking: a release that was rolled back stays out."""
    again: bool = False
    """Install the newest release even if it is installed."""


@dataclass(frozen=True, slots=True)
class Client:
    """What updates channels: this machine's data folder, its ledger, its workers and its clock."""

    data: Path
    append: Append
    workers: Workers
    now: Callable[[], float]
    wishes: Wishes = field(default_factory=Wishes)
    tell: Tell = silent

    def update(self, name: str, source: Source, replaces: str = "") -> Outcome:
        """Bring the channel `name` up to date; with `replaces`, retire that channel in the same step.

        Never raises for what a server says or does not say. Raises `ChannelError` for a channel that is not there,
        `LedgerError` when nothing can be recorded.
        """
        subscription = self.subscription(name)
        return _Run(self, Place(self.data, name), subscription, source, replaces).run()

    def subscription(self, name: str) -> Subscription:
        """What this machine keeps of the channel `name`. Raises `ChannelError` when it takes no such channel."""
        found = subscribed.read_index(self.data).get(name)
        if found is None:
            raise ChannelError(f"no channel is called {name!r}: 'overt channel list' shows them")
        return found


@dataclass(slots=True)
class _Run:
    """One update of one channel."""

    client: Client
    place: Place
    subscription: Subscription
    source: Source
    replaces: str = ""
    check: Check = field(default_factory=Check)
    staged: Path | None = None

    def run(self) -> Outcome:
        """Try, and keep what came of it."""
        self.check = self.place.check()
        now = int(self.client.now())
        try:
            outcome = self._attempts()
            self.check = msgspec.structs.replace(self.check, checked_s=now)
            if not isinstance(outcome, Available):  # what is in use is not the newest
                self.check = msgspec.structs.replace(self.check, fresh_s=now, failure="", family="")
        except REFUSALS as error:
            outcome = self._failed("refused", str(error), now)
            self._record_refusal(str(error))
        except (EgressError, ChannelError, OSError) as error:
            outcome = self._failed("failed", _said(error), now)
        finally:
            if self.staged:
                shutil.rmtree(self.staged, ignore_errors=True)
        with suppress(OSError):  # a full disk: the next check finds the same
            self.place.keep_check(self.check)
        return outcome

    def _failed(self, family: str, why: str, now: int) -> Stale:
        self.check = msgspec.structs.replace(self.check, checked_s=now, failure=why, family=family)
        current = self.subscription.current
        return Stale(self.place.name, family, why, self.check.fresh_s, current.serial if current else None)

    def _record_refusal(self, why: str) -> None:
        self.client.append(
            Kind.DECIDED,
            {
                "subject": "rules",
                "decision": "refused",
                "by": "overt",
                "channel": self.place.name,
                "reason": why[:2000],
            },
        )

    def _attempts(self) -> Outcome:
        """A tree may change between its proof and its metadata: then the proof is another one, and is read again."""
        data = self._proof()
        if data is None:
            assert self.subscription.current is not None
            return UpToDate(self.place.name, self.subscription.current.serial)
        for _ in range(ATTEMPTS):
            try:
                return self._verified(data)
            except PeerLied:
                again = self._proof()
                if again is None or again == data:
                    raise
                data = again
        return self._verified(data)

    def _proof(self) -> bytes | None:
        """The newest proof; that of the last time when the server says that it is still the same (one request). None
        when that was accepted, its release is in use, and its cosignatures still count: then nothing is to be done."""
        try:
            known = self.place.proof.read_bytes()
        except OSError:
            known = b""
        got = self.source.read(layout.PROOF, layout.MAX_PROOF_BYTES, self.check.etag if known else "")
        if isinstance(got, Body):
            self.check = msgspec.structs.replace(self.check, etag="")
            self._etag = got.etag
            return got.data
        self._etag = self.check.etag
        return None if self._settled() else known

    def _settled(self) -> bool:
        """Whether the last check of the same proof held to its end, and time has not changed that."""
        one, check, now = self.subscription, self.check, int(self.client.now())
        timely = check.last_cosigned_s - checks.MAX_AHEAD_S <= now <= check.fresh_until_s
        in_use = one.current is not None and one.current == one.newest
        return (
            timely
            and in_use
            and not check.failure
            and not self.client.wishes.again
            and check.seen_size == (one.newest.serial + 1 if one.newest else 0)
        )

    _etag: str = ""

    def _verified(self, data: bytes) -> Outcome:
        """The checks, in order."""
        held = self.place.authority(self.subscription)
        served = checks.read(data)
        now = int(self.client.now())
        witnessed = self._witnessed(served, held, now)
        if witnessed:
            self._accept(witnessed, held, data)
        known = self.place.newest(self.subscription)
        if witnessed and known is not None and known.encode() == served.leaf:
            return self._same(served.release)
        if witnessed and self.client.wishes.check:
            return self._available(served)
        self.place.sweep(subscribed.read_index(self.client.data))
        self.staged = self.place.stage()
        refreshed = self._refreshed(served.release, held)
        authority = checks.authority(refreshed.root)
        checks.successor(held, authority)
        again = checks.witnessed(served, authority.policy, now)
        if not witnessed:
            self._check_accepted(authority, held)
        self._accept(again, authority, data)
        if self.client.wishes.check:
            return self._available(served)
        self.place.keep_check(
            self.check
        )  # the log that is seen is never behind the release that is installed
        return self._install(served, authority, refreshed, vouched=witnessed is not None)

    def _available(self, served: Served) -> Available:
        current = self.subscription.current
        return Available(self.place.name, served.release.serial, current.serial if current else None)

    def _witnessed(self, served: Served, held: Authority, now: int) -> Witnessed | None:
        """By the policy that is held; None when only a newer root may still say otherwise. Raises as `checks`."""
        try:
            return checks.witnessed(served, held.policy, now)
        except Unproven:
            if served.release.root.version <= held.version:
                raise
            return None

    def _check_accepted(self, authority: Authority, held: Authority) -> None:
        """A root may name other witnesses only when those before vouch for the release that says so, or the user does.
        Raises `Unproven`."""
        if self.subscription.accepted_root != authority.sha256:
            raise Unproven(
                f"root {authority.version} of this channel names a log key or witnesses that those of root "
                f"{held.version} don't vouch for: whoever has the root keys could have made them for this machine. "
                f"If the publisher announced the root with SHA-256 {authority.sha256}: overt channel policy "
                f"{self.place.name} --accept-root {authority.sha256}"
            )

    def _accept(self, witnessed: Witnessed, by: Authority, data: bytes) -> None:
        """Inclusion, newest, growth; then remember this checkpoint, also when something later fails."""
        found = checks.newest(checks.included(witnessed))
        known = self.subscription.newest
        head = checks.grown(found, self.check.seen, tiles(self.source), known.serial if known else -1)
        self.check = msgspec.structs.replace(
            self.check,
            seen_size=head.size,
            seen_root=head.root.hex(),
            cosigned=witnessed.accepted.cosigned_s,
            witnesses=len(by.policy.witnesses),
            fresh_until_s=checks.fresh_until(witnessed, by.policy),
            last_cosigned_s=max((time for _, time in witnessed.accepted.cosigned_s), default=0),
            channel=by.charter.channel,
            warning=by.charter.warning,
        )
        if not self.place.proof.exists() or self.place.proof.read_bytes() != data:
            atomic.write(self.place.proof, data)
        self.check = msgspec.structs.replace(self.check, etag=self._etag)

    def _same(self, found: Release) -> Outcome:
        """The newest release is here: in use, or rolled back from."""
        one = self.subscription
        wishes = self.client.wishes
        wanted = wishes.again or (one.rolled_back and not wishes.scheduled)
        if one.newest and wanted and not wishes.check:
            return self._use(one.newest)
        current = one.current.serial if one.current else found.serial
        return UpToDate(self.place.name, current, one.rolled_back)

    def _use(self, installed: Installed) -> Outcome:
        """Take an installed release into use again."""
        one = self.subscription
        before = one.current
        previous = before if before != installed else one.previous
        changed = msgspec.structs.replace(one, current=installed, previous=previous, newest=installed)
        self._commit(changed, None, b"", self.place.newest(one))
        return Updated(self.place.name, installed, before.serial if before else None)

    def _refreshed(self, found: Release, held: Authority) -> Refreshed:
        """TUF, then that its root and targets are the release's (TUF 1.0.34, 5.3 to 5.6)."""
        assert self.staged is not None
        folder = self.staged / METADATA
        if self.subscription.newest:
            metadata.carry_over(self.place.release(self.subscription.newest) / METADATA, folder)
        refreshed = metadata.refresh(folder, self.source, held.root)
        checks.pinned("root.json", refreshed.root, checks.authority(refreshed.root).version, found.root)
        checks.pinned("targets.json", refreshed.targets, refreshed.targets_version, found.targets)
        return refreshed

    def _install(self, served: Served, authority: Authority, refreshed: Refreshed, vouched: bool) -> Outcome:
        """Fetch, read, compile, and install."""
        assert self.staged is not None
        one, found = self.subscription, served.release
        sha256 = checks.same_bundles(found, refreshed.bundles)
        got = self._bundle(sha256, refreshed.files[layout.TARGET].length)
        try:
            refreshed.files[layout.TARGET].verify_length_and_hashes(got.data)
        except LengthOrHashMismatchError as error:
            raise PeerLied(f"bundle: not what TUF's targets say: {error}") from None
        contents = self.client.workers.read(got.data)
        if contents.channel != authority.charter.channel or contents.serial > found.serial:
            raise PeerLied(
                f"the bundle was built for release {contents.serial} of channel {contents.channel}, and this is "
                f"release {found.serial} of {authority.charter.channel}"
            )
        rules = ChannelSet(one.name, found.serial, contents.texts)
        encoded, hashes = place.write_set(self.staged, rules, contents)
        place.store_bundle(self.staged, got.data)
        (self.staged / RELEASE).write_bytes(served.leaf)
        folder = f"{found.serial:08d}-{self.staged.name.lstrip('.')}"
        installed = Installed(found.serial, folder, contents.rules, hashes, int(self.client.now()))
        changed = msgspec.structs.replace(
            one,
            current=installed,
            previous=one.current,
            newest=installed,
            unvouched_root=one.unvouched_root if vouched else authority.version,
        )
        left_out = self._commit(changed, rules, encoded, found)
        before = one.current.serial if one.current else None
        return Updated(one.name, installed, before, left_out, got.fetched, got.patched)

    def _bundle(self, sha256: str, length: int) -> _Bundle:
        """The uncompressed bundle: the one that is here, by a patch, or whole. Raises `PeerLied` when it is another."""
        if length > layout.MAX_BUNDLE_BYTES:
            raise Malformed(f"bundle: {length:,} bytes are more than {layout.MAX_BUNDLE_BYTES:,}")
        known = self.place.newest(self.subscription)
        if known and self.subscription.newest and (old := known.bundles.get(layout.TARGET)):
            stored = (self.place.release(self.subscription.newest) / BUNDLE).read_bytes()
            with suppress(LogError, WorkerDied, FileNotFoundError, PeerAtFault):  # the whole bundle will do
                return self._from_old(stored, old, sha256, length)
        frame = content(self.source, layout.bundle(sha256), length + FRAME_OVERHEAD_BYTES)
        data = self.client.workers.unpack(Unpack(frame, sha256, length))
        checks.bundle(data, sha256)
        return _Bundle(data, len(frame), False)

    def _from_old(self, stored: bytes, old: str, sha256: str, length: int) -> _Bundle:
        if old == sha256:
            data = self.client.workers.unpack(Unpack(stored, sha256, length))
            checks.bundle(data, sha256)
            return _Bundle(data, 0, False)
        frame = content(self.source, layout.patch(old, sha256), length + FRAME_OVERHEAD_BYTES)
        data = self.client.workers.unpack(Unpack(frame, sha256, length, stored, old))
        checks.bundle(data, sha256)
        return _Bundle(data, len(frame), True)

    def _commit(
        self, changed: Subscription, rules: ChannelSet | None, encoded: bytes, found: Release | None
    ) -> tuple[str, ...]:
        """Compile everything as it will be; make it durable; record it; then one rename of the index."""
        client = self.client
        index = _after(subscribed.read_index(client.data), changed, self.replaces)
        planned = active.recipe(client.data, index, encoded[8:40].hex(), rules.pack if rules else "")
        built = client.workers.build(planned.texts(rules), planned.names, client.tell)
        pack = active.finished(planned, built.pack)
        if self.staged and changed.current and rules:
            place.settle(self.staged, changed.current.folder)
            self.staged = None
        self._record_installed(changed, found)
        self._record_switch(changed)
        subscribed.write_index(client.data, index)
        with suppress(OSError):  # the next scan compiles it again
            active.keep(planned, pack)
        self.subscription = changed
        for name in filter(None, (self.place.name, self.replaces)):
            Place(client.data, name).sweep(index)
        return tuple(str(problem) for problem in built.problems)

    def _record_installed(self, changed: Subscription, found: Release | None) -> None:
        if changed.current is None or found is None:
            return
        before = self.subscription.current
        facts: dict[str, str | int | list[str]] = {
            "what": "rules",
            "channel": changed.name,
            "serial": changed.current.serial,
            "release_sha256": hashlib.sha256(found.encode()).hexdigest(),
            "checkpoint": f"{self.check.seen_size} {self.check.seen_root}",
            "bundles": [f"{name} {sha256}" for name, sha256 in sorted(found.bundles.items())],
        }
        self.client.append(Kind.INSTALLED, facts | ({"previous": before.serial} if before else {}))

    def _record_switch(self, changed: Subscription) -> None:
        if self.replaces:
            facts = {"subject": "channel", "decision": "switched", "by": "user", "channel": changed.name}
            self.client.append(Kind.DECIDED, {**facts, "detail": [self.replaces, changed.url]})


@dataclass(frozen=True, slots=True)
class _Bundle:
    """Uncompressed, checked against the release."""

    data: bytes
    fetched: int
    patched: bool


def _after(index: Index, changed: Subscription, replaces: str) -> Index:
    index = index.with_one(changed)
    return index.without(replaces) if replaces else index


def _said(error: OvertError | OSError) -> str:
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    return str(error)
