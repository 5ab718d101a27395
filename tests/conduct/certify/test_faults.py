"""`kill -9` and a full disk at every system call by which an issuer writes.

What was said to be entered is in the log; what was not can be entered again, once; and the log that follows continues
the one that was published, whatever happened in between.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from overt.channel.publisher import high_water
from overt.conduct.certify import certificate, log
from overt.conduct.certify.issuer import Issuer
from overt.conduct.certify.log import CERTIFICATE, WITHDRAWAL, PublicLog
from overt.core.errors import ConductError
from overt.tlog.merkle import TreeHead
from tests.conftest import require
from tests.faults import REFUSED, Children, Step, writing_steps

BEFORE = (b"first", b"second")
NEW = b"new"
ABOUT = ("0" * 64,)
OPERATIONS = {"begin": (CERTIFICATE, 30), "next": (CERTIFICATE, 15), "withdraw": (WITHDRAWAL, 12)}
"""What is entered, and the fewest writing steps."""


@pytest.fixture(scope="module")
def children(tmp_path_factory: pytest.TempPathFactory) -> Children:
    require(shutil.which("strace") is not None, "strace")
    warm = [CERTIFICATE, "warm", str(tmp_path_factory.mktemp("warm") / "issuer")]
    return Children("tests.conduct.certify.fault_child", warm, tmp_path_factory.mktemp("bytecode"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of two certificates."""
    folder = tmp_path_factory.mktemp("prepared") / "issuer"
    for envelope in BEFORE:
        Issuer(folder).enter(CERTIFICATE, envelope, ABOUT)
    return folder


def renewed(prepared: Path, operation: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if operation != "begin":
        shutil.copytree(prepared, folder)


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("fault", ["signal=KILL", "error=ENOSPC"])
def test_fault_at_every_writing_call(
    children: Children, prepared: Path, operation: str, fault: str, tmp_path: Path
) -> None:
    kind, fewest = OPERATIONS[operation]
    folder, arguments = tmp_path / "issuer", [kind, NEW.decode()]
    renewed(prepared, operation, folder)
    done, lines = children.run([*arguments, str(folder)], tmp_path / "trace")
    assert done.returncode == 0 and done.stdout == b"entered\n"
    steps = writing_steps(lines)
    assert len(steps) >= fewest and {"write", "fsync", "rename"} <= {step.call for step in steps}
    for step in steps:
        renewed(prepared, operation, folder)
        done, _ = children.run([*arguments, str(folder)], tmp_path / "trace", step.failing(fault))
        assert done.returncode in ((-9, 137) if "KILL" in fault else (0, REFUSED)), (step, done)
        check(folder, kind, () if operation == "begin" else BEFORE, b"entered" in done.stdout, step)


def check(folder: Path, kind: str, before: tuple[bytes, ...], said: bool, step: Step) -> None:
    issuer = Issuer(folder)
    left = published(issuer)
    digests = [certificate.sha256_of(one) for one in (*before, NEW)]
    there = [one.sha256 for one in left.entries()]
    assert there in (digests, digests[: len(before)]), step
    assert not said or there == digests, step
    issuer.enter(kind, NEW, ABOUT)
    after = published(issuer)
    after.reader().extends(left.head)
    assert [one.sha256 for one in after.entries()] == digests, step
    for entry in after.entries():
        assert log.envelope_path(issuer.public, entry.kind, entry.sha256).is_file(), step
        proof = issuer.public / "proofs" / f"{entry.sha256}.tlog-proof"
        assert proof.is_file() == (entry.kind == CERTIFICATE), step
    assert issuer.renew().head == high_water.read(folder / "head.json") == after.head, step


def test_an_old_copy_is_known_after_a_stop_before_the_newest_was_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer(tmp_path / "issuer")
    issuer.enter(CERTIFICATE, b"first", ABOUT)
    shutil.copytree(issuer.public, tmp_path / "old")
    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(high_water, "write", _interrupt)
        issuer.enter(CERTIFICATE, b"second", ABOUT)
    issuer.enter(CERTIFICATE, b"second", ABOUT)
    shutil.rmtree(issuer.public)
    (tmp_path / "old").rename(issuer.public)
    with pytest.raises(ConductError, match="an old copy"):
        issuer.enter(CERTIFICATE, b"another second", ABOUT)


def _interrupt(path: Path, head: TreeHead) -> None:
    raise InterruptedError


def published(issuer: Issuer) -> PublicLog:
    return log.public_log(issuer.public, issuer.key().public)
