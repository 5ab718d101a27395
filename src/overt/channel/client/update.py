"""One channel's update, from what the user wished to what came of it; the steps are `believing` and `installing`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import msgspec

from overt.channel import layout
from overt.channel.client import checks
from overt.channel.client.attempt import Append, Attempt, Means, Wishes
from overt.channel.client.believing import announced, believed
from overt.channel.client.checks import Served
from overt.channel.client.installing import install, use_again
from overt.channel.client.outcome import Available, Outcome, Stale, UpToDate
from overt.channel.client.place import Place
from overt.channel.client.source import Body, Source
from overt.channel.release import Release
from overt.core.errors import (
    ChannelError,
    EgressError,
    LogError,
    OvertError,
    PackError,
    PeerAtFault,
    PeerLied,
)
from overt.ledger import Kind
from overt.rules import subscribed
from overt.rules.subscribed import Subscription
from overt.sandbox.expendable import WorkerDied

__all__ = ["Append", "Client", "Wishes"]
REFUSALS = (LogError, PeerAtFault, WorkerDied, PackError)
"""What was served is at fault; all other errors are the network's or this machine's."""
ATTEMPTS = 2
"""Times that a release is read anew when the tree changed under it."""


@dataclass(frozen=True)
class Client(Means):
    """What updates channels."""

    def update(self, name: str, source: Source, replaces: str = "") -> Outcome:
        """Bring the channel `name` up to date; with `replaces`, retire that channel in the same step.

        Never raises for what a server says or does not say. Raises `ChannelError` for a channel that is not there,
        `LedgerError` when nothing can be recorded.
        """
        place = Place(self.data, name)
        return _Run(Attempt(self, place, self.subscription(name), source, replaces, place.check())).run()

    def subscription(self, name: str) -> Subscription:
        """What this machine keeps of the channel `name`. Raises `ChannelError` when it takes no such channel."""
        found = subscribed.read_index(self.data).get(name)
        if found is None:
            raise ChannelError(f"no channel is called {name!r}: 'overt channel list' shows them")
        return found


@dataclass(slots=True)
class _Run:
    """One attempt, and what is kept of it."""

    attempt: Attempt

    def run(self) -> Outcome:
        """Try, and keep what came of it."""
        now = self.attempt.now_s()
        try:
            outcome = self._attempts()
            self._note(checked_s=now)
            if not isinstance(outcome, Available):  # what is in use is not the newest
                self._note(fresh_s=now, failure="", family="")
        except REFUSALS as error:
            outcome = self._failed("refused", str(error), now)
            self._record_refusal(str(error))
        except (EgressError, ChannelError, OSError) as error:
            outcome = self._failed("failed", _said(error), now)
        finally:
            self.attempt.drop_staged()
        with suppress(OSError):  # a full disk: the next check finds the same
            self.attempt.place.keep_check(self.attempt.check)
        return outcome

    def _note(self, **facts: object) -> None:
        self.attempt.check = msgspec.structs.replace(self.attempt.check, **facts)

    def _failed(self, family: str, why: str, now: int) -> Stale:
        self._note(checked_s=now, failure=why, family=family)
        attempt = self.attempt
        current = attempt.subscription.current
        return Stale(
            attempt.place.name, family, why, attempt.check.fresh_s, current.serial if current else None
        )

    def _record_refusal(self, why: str) -> None:
        self.attempt.means.append(
            Kind.DECIDED,
            {
                "subject": "rules",
                "decision": "refused",
                "by": "overt",
                "channel": self.attempt.place.name,
                "reason": why[:2000],
            },
        )

    def _attempts(self) -> Outcome:
        """A tree may change between its proof and its metadata: then the proof is another one, and is read again."""
        data = self._proof()
        if data is None:
            assert self.attempt.subscription.current is not None
            return UpToDate(self.attempt.place.name, self.attempt.subscription.current.serial)
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
        attempt = self.attempt
        try:
            known = attempt.place.proof.read_bytes()
        except OSError:
            known = b""
        got = attempt.source.read(layout.PROOF, layout.MAX_PROOF_BYTES, attempt.check.etag if known else "")
        if isinstance(got, Body):
            self._note(etag="")
            attempt.etag = got.etag
            return got.data
        attempt.etag = attempt.check.etag
        return None if self._settled() else known

    def _settled(self) -> bool:
        """Whether the last check of the same proof held to its end, and time has not changed that."""
        one, check, now = self.attempt.subscription, self.attempt.check, self.attempt.now_s()
        timely = check.last_cosigned_s - checks.MAX_AHEAD_S <= now <= check.fresh_until_s
        in_use = one.current is not None and one.current == one.newest
        return (
            timely
            and in_use
            and not check.failure
            and not self.attempt.wishes.again
            and check.seen_size == (one.newest.serial + 1 if one.newest else 0)
        )

    def _verified(self, data: bytes) -> Outcome:
        """The checks, in order, as far as the user wished."""
        attempt = self.attempt
        found = announced(attempt, data)
        known = attempt.place.newest(attempt.subscription)
        if found.witnessed and known is not None and known.encode() == found.served.leaf:
            return self._same(found.served.release)
        if found.witnessed and attempt.wishes.check:
            return self._available(found.served)
        release = believed(attempt, found)
        if attempt.wishes.check:
            return self._available(found.served)
        # The log that is seen is never behind the release that is installed.
        attempt.place.keep_check(attempt.check)
        return install(attempt, release)

    def _available(self, served: Served) -> Available:
        current = self.attempt.subscription.current
        return Available(self.attempt.place.name, served.release.serial, current.serial if current else None)

    def _same(self, found: Release) -> Outcome:
        """The newest release is here: in use, or rolled back from."""
        one, wishes = self.attempt.subscription, self.attempt.wishes
        wanted = wishes.again or (one.rolled_back and not wishes.scheduled)
        if one.newest and wanted and not wishes.check:
            return use_again(self.attempt, one.newest)
        current = one.current.serial if one.current else found.serial
        return UpToDate(self.attempt.place.name, current, one.rolled_back)


def _said(error: OvertError | OSError) -> str:
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    return str(error)
