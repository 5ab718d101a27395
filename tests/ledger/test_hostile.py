"""Other programs about the ledger: one that never gives up the lock, links, pipes, and readers without a lock."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core import canonical
from overt.core.errors import LedgerError
from overt.ledger import Ledger, anchor, files, verify
from overt.ledger.entry import MAX_LINE_BYTES, START, parsed, utc, written
from overt.ledger.kinds import Facts
from overt.ledger.reading import read_head
from tests.conftest import require
from tests.ledger.test_formats import FACTS, KEY
from tests.vault.conftest import NOBODY

YES: Facts = {"subject": "a", "decision": "yes", "by": "user"}


def test_a_lock_that_is_never_given_up(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that says so, in time; no entry; and all is well afterwards."""
    monkeypatch.setattr(files, "LOCK_DEADLINE_S", 0.3)
    holder = os.open(ledger.folder, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    began = time.monotonic()
    for attempt in (lambda: ledger.append("decided", YES), lambda: Ledger.open(ledger.folder), ledger.head):
        with pytest.raises(LedgerError, match=r"locked for 0\.3 s by another process: see which one"):
            attempt()
    assert time.monotonic() - began < 10
    os.close(holder)
    assert ledger.append("decided", YES).sequence == 1
    assert verify(ledger.folder).ok


@pytest.mark.parametrize("what", ["pipe", "link", "folder", "endless"])
def test_a_head_that_is_no_file(ledger: Ledger, tmp_path: Path, what: str) -> None:
    """Nothing waits for it, follows it or reads it whole; what it leads to is not written over."""
    head, target = ledger.folder / "head", tmp_path / "precious"
    target.write_bytes(head.read_bytes())
    before = target.read_bytes()
    head.unlink()
    match what:
        case "pipe":
            os.mkfifo(head)
        case "link":
            head.symlink_to(target)
        case "folder":
            head.mkdir()
        case "endless":
            head.symlink_to("/dev/zero")
    with pytest.raises(LedgerError):
        ledger.append("decided", YES)
    with pytest.raises(LedgerError):
        Ledger.open(ledger.folder)
    with pytest.raises(LedgerError):
        verify(ledger.folder)
    assert target.read_bytes() == before


def test_a_copy_of_the_head_by_hard_link_stays_what_it_was(ledger: Ledger, tmp_path: Path) -> None:
    ledger.append("decided", YES)
    copy = tmp_path / "anchor"
    os.link(ledger.folder / "head", copy)
    before = copy.read_bytes()
    ledger.append("decided", YES)
    assert copy.read_bytes() == before != (ledger.folder / "head").read_bytes()
    assert verify(ledger.folder, anchor(before, copy.name)).ok


def test_another_user_s_link_in_the_folder_s_place(tmp_path: Path) -> None:
    """Whoever can plant it would have root open, and tighten, a folder of his choice."""
    require(os.geteuid() == 0, "root (to give a link away)")
    target = tmp_path / "target"
    target.mkdir(mode=0o755)
    link = tmp_path / "ledger"
    link.symlink_to(target)
    os.lchown(link, NOBODY, NOBODY)
    with pytest.raises(LedgerError, match="belongs to user"):
        Ledger.open(link)
    assert os.listdir(target) == [] and stat.S_IMODE(target.stat().st_mode) == 0o755
    os.lchown(link, 0, 0)
    Ledger.open(link)
    assert "head" in os.listdir(target)


def append_many(folder: Path, count: int) -> None:
    os.fsync = lambda fd: None  # type: ignore[assignment]
    ledger = Ledger.open(folder)
    for _ in range(count):
        ledger.append("decided", YES)


def test_readers_without_the_lock_see_a_whole_head(ledger: Ledger) -> None:
    """The head is written over in place: never is a mixture of two read."""
    writer = get_context("fork").Process(target=append_many, args=(ledger.folder, 1500))
    writer.start()
    sizes = []
    while writer.is_alive():
        head = read_head(ledger.folder)
        assert head is not None
        sizes.append(head.size)
    writer.join()
    assert writer.exitcode == 0
    assert sizes == sorted(sizes) and len(set(sizes)) > 20
    assert verify(ledger.folder).ok


def test_what_another_wrote_in_the_same_moment_is_noticed(ledger: Ledger) -> None:
    """Times of files are coarse and an entry may have its predecessor's length: the head's content tells."""
    other = Ledger.open(ledger.folder, segment_bytes=1)  # each entry in a segment of its own
    frozen = time.time_ns()
    for number in range(1, 9):
        (ledger if number % 2 else other).append("decided", YES)
        os.utime(ledger.folder / "head", ns=(frozen, frozen))
    report = verify(ledger.folder)
    assert report.ok and report.size == 9 and not report.recoveries


@given(facts=FACTS, sequence=st.integers(0, 2**53 - 1))
def test_what_is_written_is_what_is_read(facts: Facts, sequence: int) -> None:
    """An entry is made without reading it back: it must be the one that reading gives."""
    entry = written(sequence, utc(), "decided", facts, START, KEY.signer.sign)
    again = parsed(entry.line)
    assert entry == again and entry.message == again.message and entry.chain == again.chain
    assert KEY.public.verifies(entry.signature, entry.message)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '{"a":1,"a":2}',
        '{"b":1,"a":1}',
        '{"a": 1}',
        '{"a":1}\n',
        '\ufeff{"a":1}',
        '{"a":-0}',
        '{"a":1.0}',
        '{"a":1e2}',
        '{"a":01}',
        '{"a":9007199254740992}',
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"a":"\\u0041"}',
        '{"a":"\\/"}',
        '{"a":"\\ud800"}',
        '{"\\udfff":1}',
        '{"a":"\\ud83d\\ude00"}',
        '{"a":"\\u001F"}',
        '{"a":"\\u000a"}',
        '{"a":"\x00"}',
        '{"a":true,"A":1,"b":[1,2,]}',
        "[" * 100 + "]" * 100,
        "[" * 100_000,
        '{"a":' + "9" * 5000 + "}",
        "",
    ],
)
def test_json_with_two_readings_is_refused(text: str) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.decode(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "data", [b'{"a":"\xff"}', b'{"a":"\xc0\x80"}', b'{"a":"\xed\xa0\x80"}', b"\x00", b"{}\x00"]
)
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.decode(data)


def test_a_line_too_long_is_refused_before_anything_is_written(ledger: Ledger) -> None:
    before = {path.name: path.read_bytes() for path in ledger.folder.iterdir()}
    facts: Facts = {**YES, "detail": ["x" * 8000] * (MAX_LINE_BYTES // 8000 + 1)}
    with pytest.raises(LedgerError, match="can't record this"):
        ledger.append("decided", facts)
    assert {path.name: path.read_bytes() for path in ledger.folder.iterdir()} == before
