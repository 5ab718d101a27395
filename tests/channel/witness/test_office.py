"""The office: what is stored before what is signed, who wins a race, what a dead process leaves."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from overt.channel.witness import keys
from overt.channel.witness.office import Answer, Office
from overt.channel.witness.state import FILE, MAX_REFUSALS, Refusal, State
from overt.core.errors import ChannelError, WitnessError
from overt.tlog import note
from overt.tlog.keys import MemorySigner, SignatureType, VerifierKey
from overt.tlog.merkle import TreeHead
from overt.tlog.signing import open_checkpoint, verify
from overt.tlog.witness import collect
from tests.channel.witness.conftest import NAME, PASSPHRASE, Logs, Place
from tests.tlog.reference import LOG, ORIGIN, signer


def in_child(act: Callable[[], object]) -> int:
    """Run `act` in a forked child; the signal that ended it, or 0."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingSigner:
    """Killed at the moment of signing."""

    def __init__(self, key: VerifierKey) -> None:
        self.key = key

    def sign(self, message: bytes) -> bytes:
        die()
        raise AssertionError


def test_growth_is_cosigned_and_remembered(place: Place, logs: Logs) -> None:
    office = place.office()
    for old, new in ((0, 2), (2, 2), (2, 3), (3, 11)):
        answer = office.add_checkpoint(logs.ask(old, new))
        assert answer.status == 200, answer.said
        found = collect(logs.note(new), answer.body, place.state().own_keys())
        assert found[0].timestamp_s and len(found) == 1
    row = place.state().log(ORIGIN)
    assert row and row.head == logs.head(11) and row.cosigned_s


def test_both_kinds_of_key_sign(tmp_path: Path, logs: Logs) -> None:
    kinds = (SignatureType.ED25519_COSIGNATURE, SignatureType.ML_DSA_44_COSIGNATURE)
    made = tuple(keys.generate(tmp_path, NAME, kind, PASSPHRASE) for kind in kinds)
    State.create(tmp_path / FILE, made)
    state = State(tmp_path / FILE)
    state.add_log(ORIGIN, (LOG.key,), "")
    office = Office(state, keys.load(tmp_path, state.own_keys(), lambda what: PASSPHRASE))
    answer = office.add_checkpoint(logs.ask(0, 3))
    assert [one.key for one in collect(logs.note(3), answer.body, made)] == list(made)


def test_conflict_says_the_size(place: Place, logs: Logs) -> None:
    office = place.office()
    assert office.add_checkpoint(logs.ask(2, 5)).body == b"0\n"
    assert office.add_checkpoint(logs.ask(0, 5)).status == 200
    again = office.add_checkpoint(logs.ask(0, 7))
    assert (again.status, again.body, again.content_type) == (409, b"5\n", "text/x.tlog.size")


def test_a_fork_is_refused_and_kept_as_evidence(place: Place, logs: Logs) -> None:
    office = place.office()
    assert office.add_checkpoint(logs.ask(0, 5)).status == 200
    assert office.add_checkpoint(logs.ask(5, 5, forked=True)).status == 422
    assert office.add_checkpoint(logs.ask(5, 7, forked=True)).status == 422
    refusals = place.state().refusals(ORIGIN)
    assert [note.parse(one.evidence) for one in refusals] == [logs.note(7, True), logs.note(5, True)]
    assert office.add_checkpoint(logs.ask(5, 7)).status == 200


def test_strangers_leave_nothing_behind(place: Place, logs: Logs) -> None:
    office = place.office()
    body = logs.ask(0, 5)
    assert office.add_checkpoint(body.replace(b"log.example", b"lag.example")).status == 404
    blank = body.index(b"\n\n") + 2
    other = body[:blank] + body[blank:].replace(b"\n5\n", b"\n6\n", 1)
    assert office.add_checkpoint(other).status == 403
    assert office.add_checkpoint(b"").status == 400
    assert place.state().refusals(ORIGIN) == []
    row = place.state().log(ORIGIN)
    assert row and row.head is None


def test_monitors_read_what_was_cosigned(place: Place, logs: Logs) -> None:
    office = place.office()
    digest = sha256(ORIGIN.encode()).hexdigest()
    assert office.checkpoint(digest).status == 404
    office.add_checkpoint(logs.ask(0, 5))
    served = note.parse(office.checkpoint(digest).body)
    assert open_checkpoint(served, [LOG.key]).head == logs.head(5)
    assert len(verify(served, [LOG.key, *place.state().own_keys()])) == 2
    assert office.checkpoint("0" * 64).status == 404


def test_compare_and_set_from_two_connections(place: Place, logs: Logs) -> None:
    one, two = place.state(), place.state()
    assert one.advance(ORIGIN, None, logs.head(3))
    assert not two.advance(ORIGIN, None, logs.head(3, True))
    assert two.advance(ORIGIN, logs.head(3), logs.head(4))
    assert not one.advance(ORIGIN, logs.head(3), logs.head(5))
    assert not one.advance("other", None, logs.head(5))


def test_the_loser_of_a_race_decides_anew(place: Place, logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between decision and change, another process cosigns the fork: the answer is a conflict, not a signature."""
    office, rival, real = place.office(), place.office(), State.advance
    raced: list[Answer] = []

    def late(self: State, origin: str, old: TreeHead | None, new: TreeHead) -> bool:
        monkeypatch.setattr(State, "advance", real)
        raced.append(rival.add_checkpoint(logs.ask(0, 4, forked=True)))
        return real(self, origin, old, new)

    monkeypatch.setattr(State, "advance", late)
    answer = office.add_checkpoint(logs.ask(0, 4))
    assert [raced[0].status, answer.status, answer.body] == [200, 409, b"4\n"]


def test_many_threads_and_forks_get_one_history(place: Place, logs: Logs) -> None:
    """Twelve threads on three connections race both histories; all cosigned heads are of one of them."""
    offices = [place.office() for _ in range(3)]
    cosigned: list[tuple[int, bool]] = []
    begin = threading.Barrier(12)

    def race(number: int) -> None:
        forked, known = bool(number % 2), 0
        begin.wait(timeout=20)
        for new in range(3, 13, 3):
            for _ in range(4):
                if known > new:
                    break
                answer = offices[number % 3].add_checkpoint(logs.ask(known, new, forked))
                if answer.status == 200:
                    known = new
                    cosigned.append((new, forked))
                    break
                if answer.status != 409:
                    break
                known = int(answer.body)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert cosigned
    assert len({forked for _, forked in cosigned}) == 1


def test_killed_before_the_state_is_durable(
    place: Place, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(State, "advance", lambda self, origin, old, new: die())
        assert in_child(lambda: place.office().add_checkpoint(logs.ask(0, 5))) == signal.SIGKILL
    row = place.state().log(ORIGIN)
    assert row and row.head is None
    assert place.office().add_checkpoint(logs.ask(0, 5, forked=True)).status == 200


def test_killed_between_state_and_answer(place: Place, logs: Logs) -> None:
    """The head is taken on before the key is used: the other history can no longer be cosigned, this one can."""
    own = place.state().own_keys()[0]

    def act() -> None:
        Office(place.state(), [DyingSigner(own)]).add_checkpoint(logs.ask(0, 5))

    assert in_child(act) == signal.SIGKILL
    row = place.state().log(ORIGIN)
    assert row and row.head == logs.head(5) and row.cosigned_s is None
    office = place.office()
    assert office.add_checkpoint(logs.ask(0, 5, forked=True)).status == 409
    assert office.add_checkpoint(logs.ask(5, 7, forked=True)).status == 422
    assert office.add_checkpoint(logs.ask(5, 5)).status == 200


def test_no_signature_is_made_when_the_disk_is_full(place: Place, logs: Logs) -> None:
    """A limit on file size stands for a full disk: the write fails, the key is not used, and later all is well."""
    signs: list[bytes] = []

    class Counting(MemorySigner):
        def sign(self, message: bytes) -> bytes:
            signs.append(message)
            return super().sign(message)

    state = place.state()
    office = Office(state, [Counting(NAME, SignatureType.ED25519_COSIGNATURE, bytes(32))])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        answer = office.add_checkpoint(logs.ask(0, 5))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert (answer.status, signs) == (503, [])
    row = place.state().log(ORIGIN)
    assert row and row.head is None
    assert office.add_checkpoint(logs.ask(0, 5, forked=True)).status == 200
    assert len(signs) == 1


def test_a_full_page_count_signs_nothing(place: Place, logs: Logs) -> None:
    """SQLite itself says that the database is full."""
    state = place.state()
    pages = state._database.execute("PRAGMA page_count").fetchone()[0]
    state._database.execute(f"PRAGMA max_page_count = {pages}")
    body = logs.ask(0, 5)
    with pytest.raises(WitnessError, match="full"):
        for number in range(MAX_REFUSALS):
            state.refuse(Refusal(ORIGIN, 1, str(number), bytes(4000)))
    assert Office(state, [signer(NAME)]).add_checkpoint(body).status in (200, 503)


def test_lost_history_is_no_new_beginning(place: Place) -> None:
    (place.folder / FILE).unlink()
    with pytest.raises(WitnessError):
        place.state()
    assert not (place.folder / FILE).exists()


def test_damaged_history(place: Place, logs: Logs) -> None:
    for suffix in ("-wal", "-shm"):
        Path(f"{place.folder / FILE}{suffix}").unlink(missing_ok=True)
    (place.folder / FILE).write_bytes(b"SQLite format 3\0" + bytes(5000))
    with pytest.raises(WitnessError):
        place.state()


def test_keys(place: Place, tmp_path: Path) -> None:
    wanted = place.state().own_keys()
    assert (place.folder / "witness.pem").stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in (place.folder / "witness.pem").read_bytes()
    with pytest.raises(WitnessError, match="passphrase"):
        keys.load(place.folder, wanted, lambda what: "wrong")
    with pytest.raises(WitnessError, match="overwritten"):
        keys.generate(place.folder, NAME, SignatureType.ED25519_COSIGNATURE, PASSPHRASE)
    with pytest.raises(ChannelError, match="short"):
        keys.generate(tmp_path, NAME, SignatureType.ED25519_COSIGNATURE, "short")
    keys.generate(tmp_path, NAME, SignatureType.ED25519_COSIGNATURE, PASSPHRASE)
    with pytest.raises(WitnessError, match="another key"):
        keys.load(tmp_path, wanted, lambda what: PASSPHRASE)
    with pytest.raises(WitnessError):
        keys.load(tmp_path / "none", wanted, lambda what: PASSPHRASE)


def test_refusals_are_bounded_and_not_repeated(place: Place) -> None:
    state = place.state()
    for number in range(MAX_REFUSALS + 50):
        for _ in range(2):
            state.refuse(Refusal(ORIGIN, number, f"reason {number}", b""))
    found = state.refusals(ORIGIN, 10_000)
    assert len(found) == MAX_REFUSALS and found[0].reason == f"reason {MAX_REFUSALS + 49}"


def test_changing_a_logs_keys_keeps_its_history(place: Place, logs: Logs) -> None:
    office = place.office()
    assert office.add_checkpoint(logs.ask(0, 5)).status == 200
    place.state().add_log(ORIGIN, (signer("other", SignatureType.ED25519).key,), "")
    assert office.add_checkpoint(logs.ask(5, 7)).status == 403
    row = place.state().log(ORIGIN)
    assert row and row.head == logs.head(5)


def test_durability_settings(place: Place) -> None:
    database = place.state()._database
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert sqlite3.threadsafety == 3
