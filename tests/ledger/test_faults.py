"""`kill -9`, a full disk and a failing disk at every system call that writes.

A first run under strace lists the writing calls; then the operation is repeated once per call, and that call is where
it is killed, or fails. An entry that append returned for is never lost, one that was refused is never there, and the
ledger can be continued and verified.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from overt.ledger import Ledger, verify
from overt.ledger.reading import entries
from tests.conftest import require
from tests.faults import MARK, REFUSED, Children, calls_of, writing_steps
from tests.ledger.fault_child import SEGMENT_BYTES

OPERATIONS = {
    "begin": (15, {"write", "fsync", "rename", "mkdir"}),
    "append": (8, {"write", "fsync"}),
    "rotate": (16, {"write", "fsync", "rename"}),
    "torn": (18, {"write", "fsync", "rename", "ftruncate"}),
    "rotating": (12, {"write", "fsync", "rename"}),
}
"""Fewest writing steps, and the calls that must be among them."""


def prepare(operation: str, folder: Path) -> None:
    """The state before: nothing, a ledger, one with a torn line, one whose rotation was interrupted."""
    shutil.rmtree(folder, ignore_errors=True)
    if operation == "begin":
        return
    ledger = Ledger.open(folder, SEGMENT_BYTES)
    ledger.append("decided", {"subject": "before", "decision": "yes", "by": "user"})
    if operation == "torn":
        with (folder / "0000000000000000.jsonl").open("ab") as stream:
            stream.write(b'{"facts":{"by":"us')
    elif operation == "rotating":
        with pytest.MonkeyPatch.context() as patch, pytest.raises(InterruptedError):
            patch.setattr("overt.ledger.writer.Writer._take_new_key", _interrupt)
            ledger._writer.rotate(*ledger._writer.settle(), "a test")
        assert (folder / "key.new").exists()


def _interrupt(writer: object) -> None:
    raise InterruptedError


def run(
    children: Children, operation: str, folder: Path, inject: str = ""
) -> tuple[int, list[str], set[str], set[str]]:
    """The child's exit code (negative: signal), its trace, the entries returned for, and those refused."""
    done, lines = children.run([operation, str(folder)], folder.parent / "trace", inject)
    said = done.stderr.decode().splitlines()
    refused = {line.removeprefix("refused ") for line in said if line.startswith("refused ")}
    return done.returncode, lines, set(done.stdout.decode().splitlines()), refused


@pytest.fixture(scope="module")
def children(tmp_path_factory: pytest.TempPathFactory) -> Children:
    require(shutil.which("strace") is not None, "strace")
    warm = ["append", str(tmp_path_factory.mktemp("warm") / "ledger")]
    return Children("tests.ledger.fault_child", warm, tmp_path_factory.mktemp("bytecode"))


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("fault", ["signal=KILL", "error=ENOSPC", "error=EIO"])
def test_fault_at_every_writing_call(children: Children, operation: str, fault: str, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    prepare(operation, folder)
    code, lines, returned, _ = run(children, operation, folder)
    assert code == 0 and returned == {"one", "two"}
    steps = writing_steps(lines)
    fewest, calls = OPERATIONS[operation]
    assert len(steps) >= fewest, steps
    assert calls <= {step.call.removesuffix("at") for step in steps}
    if (
        "EIO" in fault
    ):  # a failing disk shows where data must reach it; errors elsewhere are the full disk's too
        steps = [step for step in steps if step.call == "fsync"]
    for step in steps:
        prepare(operation, folder)
        code, _, returned, refused = run(children, operation, folder, step.failing(fault))
        assert code == -9 if "KILL" in fault else code in (0, REFUSED), (step, code)
        check(folder, operation, returned, refused, (operation, fault, step))


def check(folder: Path, operation: str, returned: set[str], refused: set[str], where: object) -> None:
    """Everything returned for is there, nothing refused is, and it goes on."""
    ledger = Ledger.open(folder, SEGMENT_BYTES)
    ledger.append("decided", {"subject": "after", "decision": "yes", "by": "user"})
    report = verify(folder, ledger.head())
    assert report.ok and not report.torn_bytes, (where, report.problems)
    assert {recovery.reason for recovery in report.recoveries} <= {"torn"}, where
    subjects = [str(entry.facts.get("subject")) for entry in entries(folder)]
    assert returned | {"after"} <= set(subjects), where
    assert not refused & set(subjects), where
    assert len([subject for subject in subjects if subject != "None"]) == len(set(subjects) - {"None"}), where
    assert operation == "begin" or "before" in subjects
    leftover = {name for name in os.listdir(folder) if name.endswith((".tmp", ".pending", ".new"))}
    assert not leftover - {"head.tmp", "key.tmp", "key.new.tmp", "aside.tmp"}, (where, leftover)
    if operation == "torn":
        assert [name for name in os.listdir(folder) if name.startswith("torn-")], where


def test_each_entry_is_durable_before_the_next_step(children: Children, tmp_path: Path) -> None:
    """A loss of power, unlike a signal, shows only in the order of the calls."""
    folder = tmp_path / "ledger"
    prepare("append", folder)
    _, lines, _, _ = run(children, "append", folder)
    calls = calls_of(lines)
    begun = next(index for index, (_, rest) in enumerate(calls) if MARK in rest)
    said = ["say" if rest.startswith("1,") else call.removesuffix("at") for call, rest in calls[begun:]]
    order = " ".join(call for call in said if call in ("write", "fsync", "rename", "say"))
    assert re.fullmatch("(write (fsync ){1,2}write say ?){2}", order), order
