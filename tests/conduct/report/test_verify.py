"""Verification: every way to tamper with a report is told, and which it was."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from overt.conduct.compare.arms import compare
from overt.conduct.evidence.conclusions import Sighting
from overt.conduct.evidence.folder import ReportFolder, RunFolder
from overt.conduct.report import build, signing, verify, writing
from overt.conduct.report.statement import STATEMENT, statement
from overt.conduct.report.verify import Verified
from overt.core.errors import ConductError
from tests.conduct.report import made
from tests.conduct.report.conftest import Report, written


@pytest.fixture
def copy(spying: Report, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copytree(spying.folder.path, tmp_path / "copy"))


def _moved_away(folder: Path) -> None:
    """A link in the place of the whole folder."""
    elsewhere = folder.parent.with_name("elsewhere")
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)


def wrong(verified: Verified) -> dict[str, str]:
    return {check.what: check.words for check in verified.checks if not check.held}


def test_an_untouched_report_holds(spying: Report) -> None:
    found = verify.verify(spying.folder.path, spying.key.text, None)
    assert found.holds and found.known_signer
    own = verify.verify(spying.folder.path, None, None)
    assert own.holds and not own.known_signer and own.key == spying.key.text
    assert "says nothing of who made it" in own.checks[0].words


def test_the_wrong_key_is_told(spying: Report) -> None:
    found = verify.verify(spying.folder.path, signing.new_key().text, None)
    assert "not signed by the key" in wrong(found)["signature"]


def test_what_is_no_key_is_an_error(spying: Report) -> None:
    for text in ("", "x", spying.key.text[:-2], spying.key.text.replace("overt-conduct", "overt-ledger")):
        with pytest.raises(ConductError, match="overt conduct key"):
            verify.verify(spying.folder.path, text, None)


def test_any_flipped_bit_of_any_file_is_told(copy: Path, spying: Report) -> None:
    chance = random.Random(4)
    for path in sorted(path for path in copy.rglob("*") if path.is_file() and path.stat().st_size):
        data = path.read_bytes()
        for _ in range(4):
            place = chance.randrange(len(data))
            path.write_bytes(
                data[:place] + bytes((data[place] ^ 1 << chance.randrange(8),)) + data[place + 1 :]
            )
            found = verify.verify(copy, spying.key.text, None)
            assert not found.holds, (path, place)
            if path.name != STATEMENT:
                assert any(path.name in words for words in wrong(found).values())
        path.write_bytes(data)
    assert verify.verify(copy, spying.key.text, None).holds


@pytest.mark.parametrize(
    ("tamper", "what", "words"),
    [
        (lambda path: (path / "evidence/extra").write_text("x"), "evidence", "added: evidence/extra"),
        (lambda path: (path / "report.txt").write_text("x"), "report files", "added: report.txt"),
        (lambda path: (path / "report.pdf").unlink(), "report files", "missing: report.pdf"),
        (
            lambda path: (path / "evidence/subject.json").unlink(),
            "evidence",
            "missing: evidence/subject.json",
        ),
        (lambda path: (path / "evidence/link").symlink_to("/etc/passwd"), "evidence", "no ordinary file"),
        (lambda path: (path / "more").mkdir(), "report files", "does not belong"),
        (
            lambda path: (path / "evidence/runs/mixed-2").mkdir(),
            "evidence",
            "mixed-2 is a folder without a file",
        ),
        (
            lambda path: (path / "evidence/a/b").mkdir(parents=True),
            "evidence",
            "a is a folder without a file",
        ),
        (lambda path: _moved_away(path / "evidence"), "evidence", "no ordinary file"),
        (lambda path: shutil.rmtree(path / "evidence"), "evidence", "is not there: unpack the evidence"),
    ],
)
def test_added_and_missing_files_are_told(
    copy: Path, spying: Report, tamper: Callable[[Path], None], what: str, words: str
) -> None:
    tamper(copy)
    found = wrong(verify.verify(copy, spying.key.text, None))
    assert words in found[what]
    assert "not done" in found["judged again"]


def test_pages_without_their_evidence_are_compared_with_what_was_signed(copy: Path, spying: Report) -> None:
    shutil.rmtree(copy / "evidence")
    assert "report files" not in wrong(verify.verify(copy, spying.key.text, None))
    (copy / "report.html").write_text("clean")
    assert "changed: report.html" in wrong(verify.verify(copy, spying.key.text, None))["report files"]


def test_a_report_is_written_without_empty_folders(tmp_path: Path) -> None:
    report = written(tmp_path / "report", made.behaving())
    assert not [path for path in report.folder.path.rglob("*") if path.is_dir() and not any(path.iterdir())]
    assert verify.verify(report.folder.path, report.key.text, None).holds


def test_signed_again_by_another_is_told(copy: Path, spying: Report) -> None:
    forger = signing.new_key()
    folder = ReportFolder(copy)
    (copy / "evidence/runs/mixed-1/sightings.jsonl").write_bytes(b"")
    folder.write_compared(compare(folder.runs()))
    writing.write(folder, forger, made.MADE)
    assert verify.verify(copy, None, None).holds  # whole in itself: hence the warning
    assert "not signed by the key" in wrong(verify.verify(copy, spying.key.text, None))["signature"]


def test_answers_that_do_not_follow_are_told(copy: Path, spying: Report) -> None:
    """Even the lab's own key can't sign answers that the evidence does not give."""
    folder = ReportFolder(copy)
    answers = folder.answers()
    folder.write_answers(
        (made.replace(answers[0], verdict="no", good=True, summary="It sent nothing."), *answers[1:])
    )
    (copy / STATEMENT).write_bytes(
        spying.key.sign(statement(folder, made.MADE, spying.key.text, build.here()))
    )
    assert "other answers" in wrong(verify.verify(copy, spying.key.text, None))["judged again"]


def test_comparisons_that_do_not_follow_are_told(copy: Path, spying: Report) -> None:
    """The lab can't leave out, or make up, that marked files are treated differently."""
    folder = ReportFolder(copy)
    marked, *others = folder.compared()
    folder.write_compared([made.replace(marked, p=1.0, p_corrected=1.0), *others])
    writing.write(folder, spying.key, made.MADE)
    found = wrong(verify.verify(copy, spying.key.text, None))
    assert [*found] == ["compared again"] and marked.question in found["compared again"]


def test_other_packages_are_told(copy: Path, spying: Report) -> None:
    other = statement(ReportFolder(copy), made.MADE, spying.key.text, build.here())
    other["subject"] = [{"name": "av-1.0.deb", "digest": {"sha256": "0" * 64}}]
    (copy / STATEMENT).write_bytes(spying.key.sign(other))
    assert "other packages" in wrong(verify.verify(copy, spying.key.text, None))["subject"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("result", "PASSED"),
        ("failedTests", []),
        ("warnedTests", ["content-left"]),
        ("passedTests", ["content-left", "contact"]),
        ("answers", []),
        ("monitor", {}),
        ("product", {"name": "another", "maker": "", "version": ""}),
        ("certified", True),
    ],
)
def test_a_statement_that_does_not_follow_is_told(
    copy: Path, spying: Report, member: str, value: object
) -> None:
    """The statement is what others' programs read: the lab can't sign another there than the evidence gives."""
    other = statement(ReportFolder(copy), made.MADE, spying.key.text, build.here())
    other["predicate"][member] = value
    (copy / STATEMENT).write_bytes(spying.key.sign(other))
    found = verify.verify(copy, spying.key.text, None)
    assert found.outcome is verify.Outcome.FAILED
    assert f"gives another predicate.{member} than was signed" in wrong(found)["stated again"]


def test_the_finder_is_run_again(spying: Report) -> None:
    """Into a folder that holds none of its former findings; the report stays as it is."""
    seen = []

    def same(run: RunFolder, into: RunFolder) -> None:
        seen.append(sorted(path.name for path in into.path.iterdir()))
        for name in verify.FOUND:
            shutil.copy(run.path / name, into.path / name)

    def blind(run: RunFolder, into: RunFolder) -> None:
        into.write(Sighting, ())

    assert verify.verify(spying.folder.path, None, same).holds
    assert seen[0] == []
    found = wrong(verify.verify(spying.folder.path, None, blind))
    assert "sightings.jsonl: 20 only in the report, 0 only now; opaque" in found["searched again: mixed-1"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'{"payload": "", "payloadType": "x", "signatures": []}',
        b"\xff" * 10,
        b"[" * 100_000,
    ],
)
def test_no_statement_is_told(copy: Path, data: bytes) -> None:
    (copy / STATEMENT).write_bytes(data)
    assert "damaged" in wrong(verify.verify(copy, None, None))["signature"]


def test_a_statement_larger_than_memory_is_told(copy: Path) -> None:
    os.truncate(copy / STATEMENT, 1 << 40)
    (check,) = verify.verify(copy, None, None).checks
    assert not check.held and "larger than" in check.words


def test_statements_of_another_kind_are_told(copy: Path, spying: Report) -> None:
    signed = spying.key.sign({"_type": "x", "predicateType": "y", "predicate": {"key": spying.key.text}})
    (copy / STATEMENT).write_bytes(signed)
    assert "statement" in wrong(verify.verify(copy, None, None))
    (copy / STATEMENT).write_bytes(spying.key.sign({"predicate": []}))
    assert "names no key" in wrong(verify.verify(copy, None, None))["signature"]


def test_no_report_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConductError, match="is this the folder of a conduct report"):
        verify.verify(tmp_path, None, None)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_no_key_and_is_named(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "key")
    with pytest.raises(ConductError, match=f"key '{tmp_path / 'key'}' is damaged"):
        signing.existing_key(tmp_path / "key")


def test_the_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    path = signing.key_file(tmp_path / "data")
    key = signing.lab_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signing.lab_key(path).text == key.text
    assert signing.public_key(f" {key.text}\n") == key.public
    path.write_text("overt-conduct-key/1 AAAA\n")
    with pytest.raises(ConductError, match="is damaged"):
        signing.lab_key(path)
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(OSError):
        signing.lab_key(path)


def test_first_uses_at_once_make_one_key(tmp_path: Path) -> None:
    path = signing.key_file(tmp_path / "data")
    with ThreadPoolExecutor(16) as pool:
        made = {key.text for key in pool.map(lambda _: signing.lab_key(path), range(64))}
    assert made == {signing.existing_key(path).text}
    assert os.listdir(path.parent) == [path.name]


def test_a_key_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConductError, match="no key is there"):
        signing.existing_key(tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


def test_seeds_are_in_no_representation() -> None:
    key = signing.new_key()
    assert (
        key.encoded().split()[1].decode() not in repr(key) and str(json.dumps(repr(key))).count("seed") == 0
    )
