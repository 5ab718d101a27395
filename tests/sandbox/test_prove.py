"""Promises 1 and 3, as the kernel answers them: `overt prove`, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import require

pytestmark = pytest.mark.kernel
NOBODY = 65534


def prove(*options: str, user: int | None = None) -> tuple[int, dict[str, object]]:
    """Exit code and document."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": "/tmp", "HOME": "/tmp"}
    environment.pop("OVERT_HOME", None)
    done = subprocess.run(
        [sys.executable, "-m", "overt", "prove", "--json", *options],
        capture_output=True,
        timeout=120,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd="/",
        env=environment,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("user", [None, NOBODY], ids=["this user", "nobody"])
def test_nothing_forbidden_succeeds(user: int | None) -> None:
    if user is not None:
        require(os.geteuid() == 0, "root (to become another user)")
        require(readable_by_others(Path(sys.executable)), "an interpreter that other users may run")
    code, document = prove(user=user)
    attempts = document["attempts"]
    assert isinstance(attempts, list)
    assert [a for a in attempts if not a["denied"]] == []
    assert code == 0
    assert {a["process"] for a in attempts} == {"examiner", "reader", "nursery", "keeper"}
    assert len(attempts) > 100


def test_the_prover_sees_what_succeeds_without_confinement() -> None:
    code, document = prove("--unconfined")
    attempts = document["attempts"]
    assert isinstance(attempts, list)
    allowed = {(a["process"], a["attempt"]) for a in attempts if not a["denied"]}
    assert code == 1
    for process in ("examiner", "reader", "nursery", "keeper"):
        assert (process, "make an IPv4 socket") in allowed
        assert (process, "map executable memory") in allowed
    assert ("examiner", "open a file for reading") in allowed
    assert ("reader", "create a file") in allowed


def readable_by_others(path: Path) -> bool:
    """Whether every folder down to `path` can be entered by anybody."""
    real = path.resolve()
    return all(
        parent.stat().st_mode & 0o005 == 0o005 for parent in (real, *real.parents, *path.absolute().parents)
    )
