"""Evidence made to hold up or to fill whoever looks at it: every command that reads a stranger's gives it up."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from overt.conduct.certify.assess import assess
from overt.conduct.evidence.folder import MAX_HELD_BYTES, MAX_WHOLE_BYTES, ReportFolder
from overt.conduct.evidence.records import FileAccess
from overt.conduct.report import apart, build, verify
from overt.conduct.report.diff import diff
from overt.conduct.report.statement import STATEMENT, statement
from overt.core.errors import ConductError
from tests.conduct.report import made
from tests.conduct.report.conftest import Report
from tests.waiting import PATIENCE_S

NEEDED = 1 << 30


@pytest.fixture
def copy(spying: Report, tmp_path: Path) -> ReportFolder:
    """A copy to tamper with."""
    return ReportFolder(Path(shutil.copytree(spying.folder.path, tmp_path / "copy")))


@pytest.fixture
def slow(copy: ReportFolder, spying: Report, monkeypatch: pytest.MonkeyPatch) -> ReportFolder:
    """A pattern and a path that take each other years, signed by who made them."""
    monkeypatch.setattr(apart, "MAX_S", 2.0)
    profile = copy.evidence / "profile.toml"
    pattern = "/home/" + "*a" * 9 + "*b"
    profile.write_text(
        profile.read_text() + f'\n[[scope]]\nwhy = "?"\nreads = ["{pattern}"]\nwrites = ["{pattern}"]\n'
    )
    (run,) = copy.runs()
    accesses = list(run.read(FileAccess))
    run.write(FileAccess, [*accesses, replace(accesses[0], path="/home/" + "a" * 250)])
    changes = list(run.read(type(made.change("/x", step=3))))
    run.write(type(changes[0]), [*changes, made.change("/home/" + "a" * 250, step=3)])
    (copy.path / STATEMENT).write_bytes(
        spying.key.sign(statement(copy, made.MADE, spying.key.text, build.here()))
    )
    return copy


def test_verify_gives_up_what_is_slow(slow: ReportFolder, spying: Report) -> None:
    began = time.monotonic()
    found = verify.verify(slow.path, spying.key.text, None)
    wrong = {check.what: check.words for check in found.checks if not check.held}
    assert "was given up" in wrong["judged again"]
    assert time.monotonic() - began < PATIENCE_S


def test_work_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "MAX_S", 0.3)
    with pytest.raises(ConductError, match="to sleep took over 0 s, and was given up"):
        apart.done(partial(time.sleep, 60), object, "to sleep")
    monkeypatch.setattr(apart, "MAX_S", 60.0)
    with pytest.raises(ConductError, match="the process that did it died"):
        apart.done(partial(os._exit, 3), object, "to end")
    assert apart.done(lambda: ("a", 1), tuple[str, int], "to say it") == ("a", 1)


def test_work_that_needs_too_much_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "MAX_MEMORY_BYTES", _used() + NEEDED // 2)
    with pytest.raises(ConductError, match="to fill it needs more than"):
        apart.done(partial(bytes, NEEDED), bytes, "to fill it")


@pytest.mark.parametrize("read", [assess, lambda folder: diff(folder.path, folder.path)])
def test_others_work_apart_too(
    copy: ReportFolder, monkeypatch: pytest.MonkeyPatch, read: Callable[[ReportFolder], object]
) -> None:
    monkeypatch.setattr(apart, "MAX_S", 0.3)
    monkeypatch.setattr(apart, "_do", lambda work, doing, writing: time.sleep(60))
    with pytest.raises(ConductError, match="was given up"):
        read(copy)


@pytest.mark.parametrize(
    ("file", "size"),
    [
        ("runs/mixed-1/run.json", MAX_WHOLE_BYTES),
        ("runs/mixed-1/canaries.jsonl", MAX_HELD_BYTES),
        ("answers.json", MAX_WHOLE_BYTES),
    ],
)
@pytest.mark.parametrize("read", [assess, lambda folder: diff(folder.path, folder.path)])
def test_files_that_are_too_large_are_not_read(
    copy: ReportFolder, file: str, size: int, read: Callable[[ReportFolder], object]
) -> None:
    """A file with a hole in it is as large as one likes, at no cost."""
    os.truncate(copy.evidence / file, size + 1)
    with pytest.raises(ConductError, match="Overt wrote no such evidence"):
        read(copy)


def _used() -> int:
    """Address space of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
