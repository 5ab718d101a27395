"""Promises 1 and 3, as the kernel answers them: `overt prove`, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from overt.sandbox.policy import POLICIES
from tests.conftest import require

pytestmark = pytest.mark.kernel
NOBODY = 65534


AS_USER = """
import os, sys, overt.cli.app, overt.cli.prove
if sys.argv[1] != "0":
    os.setgroups([])
    os.setresgid(*[int(sys.argv[1])] * 3)
    os.setresuid(*[int(sys.argv[1])] * 3)
sys.exit(overt.cli.app.main(["prove", "--json", *sys.argv[2:]]))
"""
"""Becomes the user after everything is loaded: the interpreter may be where only root can read it."""


def prove(*options: str, user: int = 0) -> tuple[int, dict[str, object]]:
    """Exit code and document."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": "/tmp", "HOME": "/tmp"}
    environment.pop("OVERT_HOME", None)
    done = subprocess.run(
        [sys.executable, "-c", AS_USER, str(user), *options],
        capture_output=True,
        timeout=120,
        cwd="/",
        env=environment,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("user", [0, NOBODY], ids=["this user", "nobody"])
def test_nothing_forbidden_succeeds(user: int) -> None:
    if user:
        require(os.geteuid() == 0, "root (to become another user)")
    code, document = prove(user=user)
    attempts = document["attempts"]
    assert isinstance(attempts, list)
    assert [a for a in attempts if not a["denied"]] == []
    assert code == 0
    assert {a["process"] for a in attempts} == {policy.name for policy in POLICIES}
    assert len(attempts) > 100


def test_the_prover_sees_what_succeeds_without_confinement() -> None:
    code, document = prove("--unconfined")
    attempts = document["attempts"]
    assert isinstance(attempts, list)
    allowed = {(a["process"], a["attempt"]) for a in attempts if not a["denied"]}
    assert code == 1
    for process in ("examiner", "reader", "nursery", "keeper", "verifier"):
        assert (process, "make an IPv4 socket") in allowed
    for policy in POLICIES:
        process = policy.name
        assert (process, "map executable memory") in allowed
    assert ("examiner", "open a file for reading") in allowed
    assert ("reader", "create a file") in allowed
    for attempt in (
        "open the home folder",
        "open /usr",
        "create a file in the spool",
        "bind a socket",
        "listen",
    ):
        assert ("courier", attempt) in allowed
