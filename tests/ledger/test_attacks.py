"""Whatever is done to the entries is found: flips, cuts, swaps, replay, rollback, insertions, splices; each kind in
10,000 entries too."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from overt.core.errors import LedgerError
from overt.ledger import Head, Ledger, Report, check, head, verify
from overt.ledger.check import Fault
from overt.ledger.entry import START, parsed, utc, written
from overt.ledger.files import segment_name, segments
from overt.ledger.keys import PrivateKey, new_key, read_key
from overt.ledger.reading import entries
from tests.ledger.conftest import ENTRIES, MANY, fill

Lines = list[bytes]


def faults(report: Report) -> set[Fault]:
    return {problem.fault for problem in report.problems}


def key_of(folder: Path) -> PrivateKey:
    key = read_key(folder / "key")
    assert key is not None
    return key


def change(folder: Path, act: Callable[[Lines], Lines], segment: int = 1) -> None:
    """Change the lines of one segment."""
    path = folder / segments(folder)[segment]
    path.write_bytes(b"".join(act(path.read_bytes().splitlines(keepends=True))))


def test_the_ledger_itself_is_intact(years: Path) -> None:
    report = verify(years, Ledger.open(years).head())
    assert report.ok and report.size == MANY and report.anchored_size == MANY
    assert len(segments(years)) > 2
    assert sum(report.kinds.values()) == MANY


@pytest.mark.parametrize("attack", ["cut", "swap", "replay", "rollback"])
def test_in_ten_thousand_entries(big_victim: Path, years: Path, attack: str) -> None:
    segment, act = {
        "cut": (4, lambda lines: lines[:70] + lines[71:]),
        "swap": (4, SWAPS["far apart"]),
        "replay": (-1, SWAPS["repeated at the end"]),
        "rollback": (-1, lambda lines: lines[:-1]),
    }[attack]
    change(big_victim, act, segment)
    assert not verify(big_victim, Ledger.open(years).head()).ok


def test_a_flip_in_each_of_2000_lines_is_found(big_victim: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One pass that must name every changed line; every byte position of a line is hit many times."""
    monkeypatch.setattr(check, "MAX_KEPT", 10**6)
    chance = random.Random(1)
    wrong: set[str] = set()
    for name in segments(big_victim):
        lines = (big_victim / name).read_bytes().splitlines(keepends=True)
        for number in chance.sample(range(len(lines)), len(lines) // 5):
            line = bytearray(lines[number])
            line[chance.randrange(len(line) - 1)] ^= 1 << chance.randrange(8)
            if b"\n" not in line[:-1]:
                lines[number] = bytes(line)
                wrong.add(f"{name}, line {number + 1}")
        (big_victim / name).write_bytes(b"".join(lines))
    assert len(wrong) > 1900
    its_own = (Fault.FORM, Fault.SIGNATURE)  # a broken chain or number shows at the next line
    named = {problem.where for problem in verify(big_victim).problems if problem.fault in its_own}
    assert named ^ wrong == set()


FIELDS = [
    rb'"facts":\{"[a-z]',
    rb'"kind":"[a-z]',
    rb'"prev":"[0-9a-f]',
    rb'"seq":\d',
    rb'"sig":"[\w+/]',
    rb'"time":"\d',
]


@pytest.mark.parametrize("field", FIELDS)
def test_a_flip_in_every_field_is_found(victim: Path, field: bytes) -> None:
    """Of the first entry, some in the middle, and the last."""
    wrong = set()
    for entry in (0, 1, ENTRIES // 3, ENTRIES // 2, ENTRIES - 1):
        name = [name for name in segments(victim) if int(name[:16]) <= entry][-1]
        lines = (victim / name).read_bytes().splitlines(keepends=True)
        number = entry - int(name[:16])
        found = re.search(field, lines[number])
        assert found
        line = bytearray(lines[number])
        line[found.end() - 1] ^= 1
        lines[number] = bytes(line)
        (victim / name).write_bytes(b"".join(lines))
        wrong.add(f"{name}, line {number + 1}")
    found_in = {
        problem.where for problem in verify(victim).problems if problem.fault in (Fault.FORM, Fault.SIGNATURE)
    }
    assert found_in >= wrong


def test_a_flip_of_a_line_end_is_found(victim: Path) -> None:
    change(victim, lambda lines: [*lines[:5], lines[5][:-1] + b"\x0b", *lines[6:]])
    assert Fault.FORM in faults(verify(victim))


CUTS: dict[str, tuple[int, Callable[[Lines], Lines], Fault]] = {
    "first": (0, lambda lines: lines[1:], Fault.SEQUENCE),
    "one in the middle": (1, lambda lines: lines[:70] + lines[71:], Fault.SEQUENCE),
    "many in the middle": (1, lambda lines: lines[:70] + lines[700:], Fault.SEQUENCE),
    "end of a segment": (1, lambda lines: lines[:-3], Fault.MISSING),
    "last": (-1, lambda lines: lines[:-1], Fault.HEAD),
    "last hundred": (-1, lambda lines: lines[:-100], Fault.HEAD),
    "last newline": (-1, lambda lines: [*lines[:-1], lines[-1][:-1]], Fault.HEAD),
    "half of the last": (-1, lambda lines: [*lines[:-1], lines[-1][:50]], Fault.HEAD),
    "a whole segment's lines": (-1, lambda _: [], Fault.HEAD),
}


@pytest.mark.parametrize("cut", CUTS)
def test_cuts_are_found(victim: Path, cut: str) -> None:
    segment, act, fault = CUTS[cut]
    change(victim, act, segment)
    assert fault in faults(verify(victim))


@pytest.mark.parametrize("segment", [0, 1, -1])
def test_a_removed_segment_is_found(victim: Path, segment: int) -> None:
    (victim / segments(victim)[segment]).unlink()
    assert faults(verify(victim)) & {Fault.MISSING, Fault.HEAD}


@pytest.mark.parametrize("names", [["head"], ["key"], ["head", "key"], ["segments"], ["segments", "key"]])
def test_removed_files_are_found(victim: Path, names: list[str]) -> None:
    for name in names:
        for each in segments(victim) if name == "segments" else [name]:
            (victim / each).unlink()
    report = verify(victim)
    assert not report.ok
    assert faults(report) & {Fault.MISSING, Fault.HEAD}


def test_a_ledger_that_is_gone_is_no_intact_one(victim: Path, kept: Head) -> None:
    for path in victim.iterdir():
        path.unlink()
    with pytest.raises(LedgerError, match="nothing was recorded"):
        verify(victim)
    Ledger.open(victim)
    assert Fault.ANCHOR in faults(verify(victim, kept))


def swapped_facts(lines: Lines) -> Lines:
    """The facts of two entries of one kind, each in the other's place."""
    one, two = json.loads(lines[10]), json.loads(lines[14])
    assert one["kind"] == two["kind"]
    one["facts"], two["facts"] = two["facts"], one["facts"]
    for number, value in ((10, one), (14, two)):
        lines[number] = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        parsed(lines[number][:-1])
    return lines


SWAPS: dict[str, Callable[[Lines], Lines]] = {
    "neighbours": lambda lines: [*lines[:9], lines[10], lines[9], *lines[11:]],
    "far apart": lambda lines: [*lines[:9], lines[900], *lines[10:900], lines[9], *lines[901:]],
    "facts": swapped_facts,
    "repeated": lambda lines: [*lines[:9], lines[9], *lines[9:]],
    "repeated at the end": lambda lines: [*lines, lines[3]],
    "in the place of another": lambda lines: [*lines[:9], lines[8], *lines[10:]],
}


@pytest.mark.parametrize("swap", SWAPS)
def test_swaps_and_repetitions_are_found(victim: Path, swap: str) -> None:
    change(victim, SWAPS[swap])
    assert faults(verify(victim)) & {Fault.SEQUENCE, Fault.SIGNATURE}


def test_swapped_segments_are_found(victim: Path) -> None:
    one, two = (victim / name for name in segments(victim)[1:3])
    one.rename(victim / "x")
    two.rename(one)
    (victim / "x").rename(two)
    assert faults(verify(victim)) >= {Fault.SEQUENCE, Fault.CHAIN}


def test_insertions_are_found(victim: Path, others: Path) -> None:
    foreign = next(entries(others, 20, 21)).line + b"\n"
    change(victim, lambda lines: [*lines[:9], foreign, *lines[9:]])
    assert faults(verify(victim)) >= {Fault.SEQUENCE, Fault.SIGNATURE, Fault.CHAIN}


def test_an_entry_by_another_key_is_found_at_the_end_too(victim: Path) -> None:
    """The forger has no key, but rebuilds number and chain."""
    last = list(entries(victim))[-1]
    key = new_key()
    forged = written(ENTRIES, utc(), "decided", {"subject": "a"}, last.chain, key.signer.sign)
    change(victim, lambda lines: [*lines, forged.line + b"\n"], -1)
    assert faults(verify(victim)) == {Fault.SIGNATURE}
    (victim / "head").write_text(head.signed(ENTRIES + 1, forged.chain, utc(), key).note)
    assert faults(verify(victim)) == {Fault.SIGNATURE, Fault.HEAD}


def rechained(folder: Path, key: PrivateKey, change: Callable[[int, dict[str, object]], object]) -> None:
    """Rewrite everything after a change, signed with `key`, chain and head included."""
    lines, before = [], START
    for entry in entries(folder):
        facts = dict(entry.facts)
        change(entry.sequence, facts)  # type: ignore[arg-type]
        new = written(entry.sequence, entry.time, entry.kind, facts, before, key.signer.sign)
        lines.append(new.line + b"\n")
        before = new.chain
    for name in segments(folder):
        (folder / name).unlink()
    (folder / segment_name(0)).write_bytes(b"".join(lines))
    (folder / "head").write_text(head.signed(len(lines), before, utc(), key).note)


def test_rewriting_without_the_key_is_found(victim: Path) -> None:
    rechained(victim, new_key(), lambda number, facts: facts.update(serial=7) if number == 502 else None)
    assert faults(verify(victim)) >= {Fault.SIGNATURE, Fault.HEAD}


def test_whoever_has_the_key_can_rewrite_all_but_not_an_anchored_head(victim: Path, kept: Head) -> None:
    """The limit of any such record, which the documentation states: only an anchor shows it."""
    key = key_of(victim)
    rechained(victim, key, lambda number, facts: facts.update(serial=7) if number == 502 else None)
    assert verify(victim).ok
    assert faults(verify(victim, kept)) == {Fault.ANCHOR}


def test_rollback_is_found_by_an_anchor_only(victim: Path, tmp_path: Path) -> None:
    """An old copy of everything is a ledger as it once was; of the entries alone, the head beside them tells."""
    old = tmp_path / "old"
    shutil.copytree(victim, old)
    ledger = Ledger.open(victim)
    fill(ledger, ENTRIES + 5)
    anchor = ledger.head()
    assert verify(victim, anchor).ok
    newest = (old / segments(old)[-1]).read_bytes()
    (victim / segments(victim)[-1]).write_bytes(newest)
    assert faults(verify(victim)) == {Fault.HEAD}
    shutil.rmtree(victim)
    shutil.copytree(old, victim)
    assert verify(victim).ok
    assert faults(verify(victim, anchor)) == {Fault.ANCHOR}
    fill(Ledger.open(victim), ENTRIES + 9)
    assert faults(verify(victim, anchor)) == {Fault.ANCHOR}


def test_an_older_anchor_holds_when_the_ledger_grew(victim: Path, kept: Head) -> None:
    fill(Ledger.open(victim), ENTRIES + 3)
    report = verify(victim, kept)
    assert report.ok and report.anchored_size == ENTRIES and report.size == ENTRIES + 3


def test_two_spliced_ledgers_are_found(victim: Path, others: Path) -> None:
    """The first part of one machine's, the rest of another's, with that one's key and head."""
    names = segments(others)
    for name in segments(victim)[1:]:
        (victim / name).unlink()
    first = list(entries(victim))[-1].sequence + 1
    rest = [entry.line + b"\n" for entry in entries(others, first)]
    assert len(names) > 1 and len(rest) > 100
    (victim / segment_name(first)).write_bytes(b"".join(rest))
    for name in ("key", "head"):
        shutil.copy(others / name, victim / name)
    assert faults(verify(victim)) >= {Fault.CHAIN, Fault.SIGNATURE, Fault.HEAD}


def test_another_machines_ledger_is_found(victim: Path, others: Path, kept: Head) -> None:
    """With its own key it is intact, and not the anchored one; beside this machine's key it is not even that."""
    assert verify(others).ok
    report = verify(others, kept)
    assert faults(report) == {Fault.ANCHOR} and report.anchored_size is None
    for name in segments(victim):
        (victim / name).unlink()
    for name in (*segments(others), "head"):
        shutil.copy(others / name, victim / name)
    assert faults(verify(victim)) == {Fault.KEY}


def test_an_anchor_of_another_key_does_not_fit(victim: Path, kept: Head) -> None:
    forged = head.signed(kept.size, kept.digest, kept.time, new_key())
    assert faults(verify(victim, forged)) == {Fault.ANCHOR}


def test_what_was_cut_stays_visible_after_the_ledger_went_on(victim: Path, kept: Head) -> None:
    """The next entry records the loss; a head that is anchored after that accepts it."""
    change(victim, lambda lines: lines[:-10], -1)
    ledger = Ledger.open(victim)
    ledger.append("decided", {"subject": "a", "decision": "b", "by": "user"})
    report = verify(victim)
    assert faults(report) == {Fault.LOSS}
    assert [(recovery.sequence, recovery.reason) for recovery in report.recoveries] == [
        (ENTRIES - 10, "lost")
    ]
    recorded = next(entries(victim, ENTRIES - 10, ENTRIES - 9)).facts
    assert recorded["expected_size"] == ENTRIES and recorded["expected_digest"] == kept.digest.hex()
    assert faults(verify(victim, kept)) == {Fault.ANCHOR}
    assert verify(victim, ledger.head()).ok
