"""Lines, heads, keys and exports: what is accepted re-encodes to the same bytes; everything else is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from overt.core.canonical import MAX_INTEGER, encode
from overt.core.errors import LedgerError, Malformed
from overt.ledger import Ledger, anchor, head, verify
from overt.ledger.check import Fault
from overt.ledger.entry import START, Entry, parsed, utc, written
from overt.ledger.export import export, header, omitted
from overt.ledger.keys import new_key, public_key, read_key
from tests.ledger.conftest import fill

KEY = new_key()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SCALARS = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(_[a-z0-9]{1,4})?", fullmatch=True)
FACTS = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=4), max_size=6)


def entry(facts: dict[str, Any], number: int = 3, before: bytes = START) -> Entry:
    return written(number, utc(), "decided", facts, before, KEY.signer.sign)


@given(FACTS, st.integers(0, MAX_INTEGER), st.binary(min_size=32, max_size=32))
def test_an_entry_comes_back(facts: dict[str, Any], number: int, before: bytes) -> None:
    made = entry(facts, number, before)
    found = parsed(made.line)
    assert found == made
    assert (found.facts, found.sequence, found.previous) == (facts, number, before)
    assert KEY.public.verifies(found.signature, found.message)
    assert b"\n" not in made.line


@given(FACTS, st.data())
def test_no_changed_line_is_signed(facts: dict[str, Any], data: Any) -> None:
    line = bytearray(entry(facts).line)
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] ^= data.draw(st.integers(1, 255))
    try:
        found = parsed(bytes(line))
    except Malformed:
        return
    assert found.line == bytes(line)
    assert not KEY.public.verifies(found.signature, found.message)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_cleanly(data: bytes) -> None:
    for parse in (parsed, header, head.opened):
        with pytest.raises(Malformed):
            parse(data)
    with pytest.raises(Malformed):
        omitted(b'{"omitted":' + data)


LINE = json.loads(entry({"subject": "a"}).line)


@pytest.mark.parametrize(
    "change",
    [
        {"seq": -1},
        {"seq": True},
        {"seq": "3"},
        {"time": "2026-13-01T00:00:00.000000Z"},
        {"time": "2026-01-01T00:00:00Z"},
        {"time": "2026-01-01T00:00:00.000000+00:00"},
        {"kind": "Decided"},
        {"kind": ""},
        {"kind": 5},
        {"prev": "00"},
        {"prev": "A" * 64},
        {"sig": "AAAA"},
        {"sig": LINE["sig"].rstrip("=")},
        {"sig": None},
        {"facts": []},
        {"facts": {"A": 1}},
        {"facts": {"a": {"b": 1}}},
        {"facts": {"a": [[1]]}},
        {"more": 1},
    ],
)
def test_lines_that_are_no_entries(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parsed(encode({**LINE, **change}))


def test_the_same_value_in_another_encoding_is_no_entry() -> None:
    """Its signature would still hold: only the one encoding makes every changed byte show."""
    line = entry({"subject": "ü"}).line
    for other in (line.replace(b":", b": ", 1), line + b" ", line.replace("ü".encode(), b"\\u00fc")):
        assert other != line and json.loads(other) == json.loads(line)
        with pytest.raises(Malformed):
            parsed(other)


def test_a_line_lacking_a_member_is_no_entry() -> None:
    for name in LINE:
        with pytest.raises(Malformed):
            parsed(encode({key: value for key, value in LINE.items() if key != name}))


@given(st.data())
def test_no_changed_head_is_accepted(data: Any) -> None:
    note = bytearray(head.signed(7, bytes(range(32)), utc(), KEY).note.encode())
    assert head.opened(bytes(note)).mark == (7, bytes(range(32)))
    place = data.draw(st.integers(0, len(note) - 1))
    note[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Malformed):
        head.opened(bytes(note))


def test_an_anchor_that_is_none_says_what_it_must_be() -> None:
    with pytest.raises(LedgerError, match="unchanged"):
        anchor(b"something", "file")


def test_a_head_is_a_note_that_any_reader_of_notes_verifies() -> None:
    """By the words of c2sp.org/signed-note, with nothing of ours: key ID, text, Ed25519."""
    note = head.signed(7, bytes(32), utc(), KEY).note
    text, _, lines = note.partition("\n\n")
    name, _, rest = text.split("\n")[4].partition("+")
    key = base64.b64decode(rest.partition("+")[2])
    signature = base64.b64decode(lines.split(" ")[2])
    assert lines.startswith(f"— {name} ") and key[:1] == b"\x01"
    assert signature[:4] == hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], f"{text}\n".encode())


def test_keys_come_back(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert read_key(path) is None
    path.write_bytes(KEY.encoded())
    found = read_key(path)
    assert found is not None and found.public == KEY.public == public_key(KEY.public.text)
    for text in ("", None, 3, "overt-ledger+00000000+AAAA", KEY.public.text.replace("ledger", "other", 1)):
        with pytest.raises(Malformed):
            public_key(text)


def exported(ledger: Ledger, **what: Any) -> bytes:
    out = io.BytesIO()
    export(ledger.folder, out.write, **what)
    return out.getvalue()


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    fill(ledger, 30)
    ledger.rotate_key()
    fill(ledger, 60)
    return ledger


EXPORTS: dict[str, dict[str, Any]] = {
    "whole": {},
    "beginning": {"stop": 20},
    "middle": {"start": 10, "stop": 50},
    "end": {"start": 40},
    "kinds": {"kinds": ["installed", "decided"]},
    "kinds of a range": {"start": 5, "stop": 55, "kinds": ["installed"]},
    "no such kind": {"kinds": ["sent"]},
}


@pytest.mark.parametrize("what", EXPORTS)
def test_exports_verify_and_no_changed_byte_does(filled: Ledger, what: str) -> None:
    data = exported(filled, **EXPORTS[what])
    report = verify(io.BytesIO(data))
    assert report.ok
    assert sum(report.kinds.values()) + report.omitted == report.size - report.start
    begin = len(data.partition(b"\n")[0]) + 1
    for place in range(begin, len(data), 97):
        changed = bytearray(data)
        changed[place] ^= 1
        assert not verify(io.BytesIO(changed)).ok, place


@pytest.mark.parametrize("what", EXPORTS)
def test_exports_that_were_cut_do_not_verify(filled: Ledger, what: str) -> None:
    lines = exported(filled, **EXPORTS[what]).splitlines(keepends=True)
    for number in range(1, len(lines)):
        assert not verify(io.BytesIO(b"".join(lines[:number] + lines[number + 1 :]))).ok
    with pytest.raises(LedgerError, match="no export"):
        verify(io.BytesIO(b"".join(lines[1:])))


def test_an_export_holds_against_an_anchor_even_with_entries_left_out(filled: Ledger) -> None:
    kept = filled.head()
    data = exported(filled, kinds=["decided"])
    fill(filled, 70)
    later = exported(filled, kinds=["decided"])
    assert verify(io.BytesIO(data), kept).anchored_size == 60
    assert verify(io.BytesIO(later), kept).ok
    report = verify(io.BytesIO(exported(filled, start=65)), kept)
    assert [problem.fault for problem in report.problems] == [Fault.ANCHOR] * len(report.problems)
    assert report.problems and "not among these" in report.problems[-1].detail


def test_what_is_left_out_of_an_export_is_not_in_it(filled: Ledger) -> None:
    data = exported(filled, kinds=["installed"])
    assert b"rules.example.org" not in data and b"fetch-request" not in data


def test_an_export_of_nothing_is_refused(filled: Ledger) -> None:
    with pytest.raises(LedgerError, match="60 entries"):
        exported(filled, start=60)
