"""What append, open, entries, head and rotate_key promise; recovery; several writers; a full disk."""

from __future__ import annotations

import multiprocessing
import os
import resource
import stat
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from overt.core.errors import LedgerError
from overt.ledger import Kind, Ledger, verify
from overt.ledger.check import Fault
from overt.ledger.entry import hashed, linked, utc, written
from overt.ledger.files import segments
from overt.ledger.keys import read_key
from overt.ledger.kinds import OWN, SCHEMAS, Facts
from tests.ledger.conftest import fill, sample

YES: Facts = {"subject": "a", "decision": "yes", "by": "user"}


def reasons(folder: Path) -> list[str]:
    return [recovery.reason for recovery in verify(folder).recoveries]


def test_the_first_use_makes_private_files(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "ledger"
    Ledger.open(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "0000000000000000.jsonl": 0o600,
        "head": 0o600,
        "key": 0o600,
    }
    assert verify(folder).kinds == {"ledger-opened": 1}


def test_entries_come_back_in_order(ledger: Ledger) -> None:
    fill(ledger, 20)
    found = list(ledger.entries())
    assert [entry.sequence for entry in found] == list(range(20))
    assert [(entry.kind, entry.facts) for entry in found[1:]] == [sample(number) for number in range(1, 20)]
    assert all(linked(one.previous, hashed(one.line)) == two.previous for one, two in pairwise(found))
    assert [entry.sequence for entry in ledger.entries(7, 9)] == [7, 8]
    assert list(ledger.entries(20)) == [] == list(ledger.entries(5, 5))
    head = ledger.head()
    assert (head.size, head.digest) == (20, found[-1].chain)


def test_segments_follow_each_other(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger", segment_bytes=2000)
    fill(ledger, 40)
    names = segments(ledger.folder)
    assert len(names) > 5
    assert all((ledger.folder / name).stat().st_size <= 2000 for name in names)
    assert [entry.sequence for entry in ledger.entries(3, 37)] == list(range(3, 37))
    assert verify(ledger.folder).ok
    fill(Ledger.open(ledger.folder, segment_bytes=100_000), 60)
    assert verify(ledger.folder).ok and len(segments(ledger.folder)) == len(names)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("teleported", {}),
        ("ledger-opened", {"format": "x", "key": "y"}),
        ("decided", {"subject": "a", "decision": "b"}),
        ("decided", {**YES, "by": "nobody"}),
        ("decided", {**YES, "colour": "red"}),
        ("decided", {**YES, "subject": 3}),
        ("decided", {**YES, "subject": "\ud800"}),
        ("decided", {**YES, "detail": ["a", 1]}),
        ("decided", {**YES, "detail": ["a" * 200] * 500}),
        ("fetch-result", {"request": True, "outcome": "ok"}),
        ("fetch-result", {"request": -1, "outcome": "ok"}),
        ("fetch-result", {"request": 1.0, "outcome": "ok"}),
        ("fetch-result", {"request": 2**53, "outcome": "ok"}),
        ("fetch-result", {"request": 1, "outcome": "ok", "sha256": "AB" * 32}),
    ],
)
def test_what_a_kind_does_not_take_is_refused(ledger: Ledger, kind: str, facts: Facts) -> None:
    with pytest.raises(LedgerError):
        ledger.append(kind, facts)
    assert ledger.head().size == 1
    assert ledger.append("decided", YES).sequence == 1
    assert verify(ledger.folder).ok


def test_every_kind_has_a_schema() -> None:
    assert set(SCHEMAS) == set(Kind)
    assert all(name.isidentifier() for schema in SCHEMAS.values() for name in schema)
    assert set(Kind) > OWN


def foreign_entry(ledger: Ledger, kind: str, facts: Facts) -> None:
    """Append what this version would not, as a later one would."""
    last = list(ledger.entries())[-1]
    key = read_key(ledger.folder / "key")
    assert key is not None
    entry = written(last.sequence + 1, utc(), kind, facts, last.chain, key.signer.sign)
    with (ledger.folder / segments(ledger.folder)[-1]).open("ab") as stream:
        stream.write(entry.line + b"\n")


def test_kinds_and_facts_of_later_versions_are_kept_and_verified(ledger: Ledger) -> None:
    foreign_entry(ledger, "teleported", {"to": ["moon", 3, None, True]})
    foreign_entry(ledger, "decided", {**YES, "colour": "red"})
    ledger.append("decided", YES)
    report = verify(ledger.folder)
    assert report.ok and report.kinds["teleported"] == 1 and report.kinds["decided"] == 2
    assert list(ledger.entries())[1].facts == {"to": ["moon", 3, None, True]}


def test_a_clock_that_goes_back_is_recorded_as_it_is(tmp_path: Path) -> None:
    times = iter(["2026-03-01T10:00:00.000000Z"] + ["2026-03-01T09:00:00.500000Z"] * 20)
    ledger = Ledger.open(tmp_path / "ledger", clock=lambda: next(times))
    ledger.append("decided", YES)
    report = verify(ledger.folder)
    assert report.ok
    assert [(step.sequence, step.back_s) for step in report.clock_steps] == [(1, 3599.5)]


def test_a_line_torn_anywhere_is_put_aside_and_recorded(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a loss of power leaves it: any part of the line that was being written, the head still the old one."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    ledger.append("decided", YES)
    path = ledger.folder / segments(ledger.folder)[0]
    whole, head = path.read_bytes(), (ledger.folder / "head").read_bytes()
    ledger.append("decided", {**YES, "subject": "torn"})
    line = path.read_bytes()[len(whole) :]
    for cut in range(len(line)):
        path.write_bytes(whole + line[:cut])
        (ledger.folder / "head").write_bytes(head)
        before = verify(ledger.folder)
        assert before.ok and before.torn_bytes == cut
        Ledger.open(ledger.folder).append("decided", {**YES, "subject": "after"})
        report = verify(ledger.folder)
        assert report.ok and [recovery.reason for recovery in report.recoveries] == ["torn"] * bool(cut)
        if cut:
            facts = list(ledger.entries())[2].facts
            assert (ledger.folder / str(facts["kept"])).read_bytes() == line[:cut]
            assert facts["bytes"] == cut


def test_zeros_after_a_loss_of_power_are_put_aside(ledger: Ledger) -> None:
    with (ledger.folder / segments(ledger.folder)[0]).open("ab") as stream:
        stream.write(bytes(300_000))
    ledger.append("decided", YES)
    report = verify(ledger.folder)
    assert report.ok and reasons(ledger.folder) == ["torn"]


def damage_tail(folder: Path) -> None:
    path = folder / segments(folder)[-1]
    data = path.read_bytes()
    path.write_bytes(data[:-40] + b"\xff" + data[-39:])


def flip_tail(folder: Path) -> None:
    path = folder / segments(folder)[-1]
    path.write_bytes(path.read_bytes().replace(b'"subject":"last"', b'"subject":"lost"'))


def cut_tail(folder: Path) -> None:
    path = folder / segments(folder)[-1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def empty(folder: Path) -> None:
    for name in segments(folder):
        (folder / name).unlink()


def garbage_head(folder: Path) -> None:
    (folder / "head").write_bytes(b"\x00" * 99)


WOUNDS: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "damaged": (damage_tail, ["lost", "damaged"]),
    "flipped": (flip_tail, ["lost", "signature"]),
    "cut": (cut_tail, ["lost"]),
    "no entries": (empty, ["lost"]),
    "no head": (lambda folder: (folder / "head").unlink(), ["head"]),
    "bad head": (garbage_head, ["head"]),
    "no key": (lambda folder: (folder / "key").unlink(), ["key"]),
}


@pytest.mark.parametrize("wound", WOUNDS)
def test_a_wounded_ledger_goes_on_and_says_so(ledger: Ledger, wound: str) -> None:
    """Nothing stops the next entry; what was wrong stays a problem until a later head is anchored."""
    act, expected = WOUNDS[wound]
    fill(ledger, 9)
    ledger.append("decided", {**YES, "subject": "last"})
    act(ledger.folder)
    assert not verify(ledger.folder).ok
    again = Ledger.open(ledger.folder)
    again.append("decided", {**YES, "subject": "after"})
    assert list(again.entries())[-1].facts["subject"] == "after"
    report = verify(ledger.folder)
    assert [recovery.reason for recovery in report.recoveries] == expected
    assert Fault.LOSS in {problem.fault for problem in report.problems}
    fill(Ledger.open(ledger.folder), 30)
    assert reasons(ledger.folder) == expected
    if wound != "flipped":
        assert verify(ledger.folder, again.head()).ok


def test_a_damaged_key_stops_the_ledger_and_says_what_to_do(ledger: Ledger) -> None:
    (ledger.folder / "key").write_text("overt-ledger-key/1 AAAA\n")
    with pytest.raises(LedgerError, match="bring it back from a backup, or move it away"):
        Ledger.open(ledger.folder)


def test_a_new_key_signs_what_follows(ledger: Ledger) -> None:
    old = ledger.head().key
    fill(ledger, 5)
    ledger.rotate_key("handed over")
    fill(ledger, 9)
    other = Ledger.open(ledger.folder)
    fill(other, 12)
    other.rotate_key()
    fill(ledger, 16)
    report = verify(ledger.folder, ledger.head())
    assert report.ok and len(report.keys) == 3 and report.keys[0] == old and not report.recoveries
    assert ledger.head().key == report.keys[-1]


def test_a_symbolic_link_is_not_followed(ledger: Ledger, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    name = ledger.folder / segments(ledger.folder)[0]
    name.unlink()
    name.symlink_to(target)
    with pytest.raises(LedgerError):
        ledger.append("decided", YES)
    assert target.read_text() == "precious"


def write_many(folder: Path, writer: int, count: int) -> None:
    ledger = Ledger.open(folder, segment_bytes=20_000)
    for number in range(count):
        ledger.append("decided", {**YES, "subject": f"{writer}:{number}"})


def check_writers(folder: Path, writers: int, count: int) -> None:
    """Every entry is there, each writer's in order."""
    assert verify(folder, Ledger.open(folder).head()).ok
    subjects = [str(entry.facts.get("subject")) for entry in Ledger.open(folder).entries()]
    for writer in range(writers):
        mine = [subject for subject in subjects if subject.startswith(f"{writer}:")]
        assert mine == [f"{writer}:{number}" for number in range(count)]


def test_four_processes_write_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=write_many, args=(folder, writer, 100)) for writer in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0] * 4
    check_writers(folder, 4, 100)
    assert Ledger.open(folder).head().size == 401


def test_four_threads_write_at_once(ledger: Ledger) -> None:
    def act(writer: int) -> None:
        for number in range(50):
            ledger.append("decided", {**YES, "subject": f"{writer}:{number}"})

    threads = [threading.Thread(target=act, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check_writers(ledger.folder, 4, 50)


def test_a_line_that_fits_only_in_part_is_taken_back(ledger: Ledger) -> None:
    """A limit on the file's size cuts the write in the middle of the line, like a full disk."""
    fill(ledger, 3)
    path = ledger.folder / segments(ledger.folder)[0]
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (0, 1, 100, 250):
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, hard))
        try:
            with pytest.raises(LedgerError, match="too large"):
                ledger.append("decided", YES)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == before
    ledger.append("decided", YES)
    report = verify(ledger.folder)
    assert report.ok and report.size == 4 and not report.recoveries


def test_a_full_disk_refuses_and_goes_on_later(small_disk: Path) -> None:
    folder = small_disk / "ledger"
    ledger = Ledger.open(folder)
    (small_disk / "ballast").write_bytes(bytes(100_000))
    returned = 0
    with pytest.raises(LedgerError, match="free some space"):
        for number in range(10_000):
            ledger.append("decided", {**YES, "reason": "x" * 500})
            returned = number + 1
    assert returned
    report = verify(folder)
    assert report.ok and report.size == returned + 1 and not report.torn_bytes
    (small_disk / "ballast").unlink()
    ledger.append("decided", YES)
    report = verify(folder, ledger.head())
    assert report.ok and report.size == returned + 2 and not report.recoveries


def test_the_tail_is_all_that_is_read(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a ledger of 150 kB and appending reads one window of its end."""
    fill(ledger, 400)
    read: list[int] = []
    pread = os.pread

    def counting(fd: int, count: int, offset: int) -> bytes:
        data = pread(fd, count, offset)
        read.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counting)
    Ledger.open(ledger.folder).append("decided", YES)
    assert 0 < sum(read) <= 16 * 1024
