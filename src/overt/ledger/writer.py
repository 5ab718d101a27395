"""Writing entries, and settling what an interruption or somebody else left. Everything here is under the lock.

An entry: write the line, fsync it, then write the head. When a step fails the line is taken back, so that a ledger
is always a whole number of entries and, at most, one torn line, which the next writer puts aside and records.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from overt.core.errors import LedgerError, Malformed
from overt.ledger import files, head
from overt.ledger.entry import FORMAT, START, Entry, utc, written
from overt.ledger.files import HEAD, KEY, NEW_KEY, PENDING, segment_name
from overt.ledger.keys import PrivateKey, PublicKey, new_key, public_key, read_key
from overt.ledger.kinds import Facts, Kind, Reason, Scalar
from overt.ledger.tail import Spoiled, Tail, find_tail
from overt.store.atomic import sync_folder

SEGMENT_BYTES = 16 * 1024 * 1024
"""A segment that would grow past this is followed by another."""


class _Loss(NamedTuple):
    """Something that the ledger must say about itself."""

    reason: Reason
    facts: Mapping[str, Scalar]


class Writer:
    """One process's hand on a ledger. `settle` first, then `write`; the lock held over both."""

    def __init__(self, folder: Path, segment_bytes: int, clock: Callable[[], str] = utc) -> None:
        self.folder = folder
        self._segment_bytes = segment_bytes
        self._clock = clock
        self._known: tuple[Tail, PrivateKey] | None = None
        self._head_path = folder / HEAD
        self._head = b""
        """As it was last read or written here."""

    def settle(self) -> tuple[Tail, PrivateKey]:
        """The ledger's end and key, after everything unfinished or wrong at the end was put right and recorded.

        Costs a look at the head when nobody else wrote since. Raises `LedgerError` and `OSError`.
        """
        if self._known and self._is_last(self._known[0]):
            return self._known
        self._known = None
        tail, spoiled = find_tail(self.folder)
        key = read_key(self.folder / KEY)
        if key is None and self._is_unborn(tail):
            return self._remembered(*self._begin(spoiled))
        return self._remembered(*self._recover(tail, spoiled, key))

    def write(self, tail: Tail, key: PrivateKey, kind: Kind, facts: Facts) -> tuple[Entry, Tail]:
        """Append one entry: durable when this returns. Raises `LedgerError` (facts too long) and `OSError`.

        After an error the entry is not there, unless even taking it back failed.
        """
        self._known = None
        try:
            entry = written(tail.size, self._clock(), kind, facts, tail.digest, key.signer.sign)
        except Malformed as error:
            raise LedgerError(f"the ledger can't record this: {error}") from None
        line = entry.line + b"\n"
        segment, end = tail.segment, tail.end
        if end and end + len(line) > self._segment_bytes:
            segment, end = segment_name(tail.size), 0
        chain = entry.chain
        self._append(segment, end, line, lambda: self._put_head(tail.size + 1, chain, entry.time, key))
        after = Tail(tail.size + 1, chain, segment, end + len(line), entry)
        self._remembered(after, key)
        return entry, after

    def rotate(self, tail: Tail, key: PrivateKey, reason: str) -> Entry:
        """Continue with a new key. Raises as `write` does; then the old key is still the ledger's."""
        new = new_key()
        files.replace(self.folder, NEW_KEY, new.encoded())
        facts: Facts = {"key": new.public.text, "old_key": key.public.text, "reason": reason}
        entry, after = self.write(tail, key, Kind.KEY_ROTATED, facts)
        self._known = None
        self._take_new_key()
        self._put_head(after.size, after.digest, entry.time, new)
        return entry

    def _append(self, segment: str, end: int, line: bytes, then: Callable[[], object]) -> None:
        """Put `line` at the end of the segment and do `then`; the segment is as it was if either fails."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self.folder / segment, flags, 0o600)
        try:
            os.lseek(fd, end, os.SEEK_SET)
            try:
                files.write_all(fd, line)
                os.fsync(fd)
                if end == 0:
                    sync_folder(self.folder)
                then()
            except OSError:
                with suppress(OSError):
                    os.ftruncate(fd, end)
                    os.fsync(fd)
                raise
        finally:
            os.close(fd)

    def _put_head(self, size: int, digest: bytes, time: str, key: PrivateKey) -> None:
        """Not settled: after a loss of power an older head may be there, which the entries continue."""
        self._head = head.signed(size, digest, time, key).note.encode()
        if not files.overwrite(self._head_path, self._head):
            files.replace(self.folder, HEAD, self._head, settle=False)

    def _remembered(self, tail: Tail, key: PrivateKey) -> tuple[Tail, PrivateKey]:
        self._known = tail, key
        return tail, key

    def _is_last(self, tail: Tail) -> bool:
        """Whether nobody else wrote: every entry changes the head, and its segment's size."""
        try:
            size = os.stat(self.folder / tail.segment).st_size
            return size == tail.end and files.content(self._head_path, head.MAX_HEAD_BYTES) == self._head
        except OSError:
            return False

    # Beginning

    def _is_unborn(self, tail: Tail) -> bool:
        """Whether the ledger's making was interrupted: the key is written last."""
        if tail.last is not None and (tail.size > 1 or tail.last.kind != Kind.LEDGER_OPENED):
            return False
        found = self._read_head()
        return found is None or (isinstance(found, head.Head) and found.size == 1)

    def _begin(self, spoiled: tuple[Spoiled, ...]) -> tuple[Tail, PrivateKey]:
        """Nothing was ever recorded here: begin, the key last."""
        for rest in spoiled:
            if rest.reason is not Reason.TORN:
                self._put_aside(rest, 0)
        for name in files.segments(self.folder):
            (self.folder / name).unlink()
        key = new_key()
        tail = Tail(0, START, segment_name(0), 0, None)
        _, tail = self.write(tail, key, Kind.LEDGER_OPENED, _opening(key))
        files.replace(self.folder, KEY, key.encoded())
        return self._record(tail, key, self._unrecorded(tail)), key

    # Recovering

    def _recover(
        self, tail: Tail, spoiled: tuple[Spoiled, ...], key: PrivateKey | None
    ) -> tuple[Tail, PrivateKey]:
        """Put the end right. What the head says is recorded first: every entry replaces the head."""
        losses = [*self._head_losses(tail, key), *_key_losses(tail, key)]
        if key is None:
            key = new_key()
            files.replace(self.folder, KEY, key.encoded())
        elif rotated := self._rotated(tail):
            key = rotated
            self._take_new_key()
        (self.folder / NEW_KEY).unlink(missing_ok=True)
        for rest in spoiled:
            self._put_aside(rest, tail.size)
        self._remove_empty(tail.segment)
        if tail.last is None:
            _, tail = self.write(tail, key, Kind.LEDGER_OPENED, _opening(key))
        tail = self._record(tail, key, (*losses, *self._unrecorded(tail)))
        found = self._read_head()
        if not isinstance(found, head.Head) or (*found.mark, found.key) != (
            tail.size,
            tail.digest,
            key.public,
        ):
            self._put_head(tail.size, tail.digest, self._clock(), key)
        return tail, key

    def _record(self, tail: Tail, key: PrivateKey, losses: Iterable[_Loss]) -> Tail:
        for loss in losses:
            facts: Facts = {"reason": loss.reason, "key": key.public.text, **loss.facts}
            _, tail = self.write(tail, key, Kind.LEDGER_RECOVERED, facts)
        names = files.pending(self.folder)
        for name in names:
            os.rename(self.folder / name, self.folder / name.removesuffix(PENDING))
        if names:
            sync_folder(self.folder)
        return tail

    def _rotated(self, tail: Tail) -> PrivateKey | None:
        """The new key, when a rotation was recorded and not finished."""
        new = read_key(self.folder / NEW_KEY)
        last = tail.last
        if new and last and last.kind == Kind.KEY_ROTATED and last.facts.get("key") == new.public.text:
            return new
        return None

    def _take_new_key(self) -> None:
        os.rename(self.folder / NEW_KEY, self.folder / KEY)
        sync_folder(self.folder)

    def _read_head(self) -> head.Head | str | None:
        """The head beside the entries; None when there is none, and why when it can't be used. Raises `OSError`."""
        try:
            self._head = files.content(self._head_path, head.MAX_HEAD_BYTES)
            return head.opened(self._head)
        except FileNotFoundError:
            return None
        except Malformed as error:
            return str(error)

    def _head_losses(self, tail: Tail, key: PrivateKey | None) -> Iterator[_Loss]:
        found = self._read_head()
        if not isinstance(found, head.Head):
            yield _Loss(Reason.HEAD, {"error": found or "missing"})
            return
        if key and found.key not in _signers(tail, key):
            yield _Loss(Reason.HEAD, {"error": f"signed with {found.key.fingerprint}"})
        known = {tail.size: tail.digest, tail.size - 1: tail.last.previous if tail.last else b""}
        if found.size > tail.size or known.get(found.size, found.digest) != found.digest:
            yield _Loss(Reason.LOST, {"expected_size": found.size, "expected_digest": found.digest.hex()})

    def _put_aside(self, rest: Spoiled, size: int) -> None:
        """Keep the bytes in a file of their own, and cut them off."""
        fd = os.open(self.folder / rest.segment, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            files.put_aside(self.folder, fd, rest.start, rest.end, rest.reason, size)
            os.ftruncate(fd, rest.start)
            os.fsync(fd)
        finally:
            os.close(fd)

    def _remove_empty(self, but: str) -> None:
        """Empty segments that the next entry does not go to."""
        for name in files.segments(self.folder):
            path = self.folder / name
            if name != but and path.stat().st_size == 0:
                path.unlink()

    def _unrecorded(self, tail: Tail) -> tuple[_Loss, ...]:
        """One for each file that was put aside and is not the last entry's."""
        last = tail.last.facts.get("sha256") if tail.last else None
        found = (_aside(self.folder / name) for name in files.pending(self.folder))
        return tuple(loss for loss in found if loss.facts["sha256"] != last)


def _aside(path: Path) -> _Loss:
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        kept = path.name.removesuffix(PENDING)
        reason = Reason(path.name.partition("-")[0])
        return _Loss(reason, {"bytes": stream.tell(), "sha256": sha256, "kept": kept})


def _opening(key: PrivateKey) -> Facts:
    return {"format": FORMAT, "key": key.public.text}


def _signers(tail: Tail, key: PrivateKey | None) -> list[PublicKey]:
    """Whose signatures the end may have: the ledger's key, and the one before when it was just rotated."""
    keys = [key.public] if key else []
    if tail.last and tail.last.kind == Kind.KEY_ROTATED:
        with suppress(Malformed):
            keys.append(public_key(tail.last.facts.get("old_key")))
            keys.append(public_key(tail.last.facts.get("key")))
    return keys


def _key_losses(tail: Tail, key: PrivateKey | None) -> Iterator[_Loss]:
    if key is None:
        yield _Loss(Reason.KEY, {})
    elif tail.last and not any(
        signer.verifies(tail.last.signature, tail.last.message) for signer in _signers(tail, key)
    ):
        yield _Loss(Reason.SIGNATURE, {})
