"""`scripts/release.py found` and `log`, as a person runs them: a log, a witness elsewhere, a proof that verifies."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from overt.channel.install import proven
from overt.channel.install.proven import Evidence
from overt.channel.install.record import File, ProgramRelease, Required

ROOT = Path(__file__).parents[3]
ORIGIN = "example.org/overt-releases"


class Shell:
    """Commands without a terminal: secrets come from standard input."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, given: str = "", code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.folder,
            env=os.environ
            | {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "OVERT_HOME": str(self.folder / "home")},
            input=given,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout if not code else done.stderr

    def release(self, *words: str, given: str = "", code: int = 0) -> str:
        return self("scripts.release", *words, given=given, code=code)

    def overt(self, *words: str, given: str = "") -> str:
        return self("overt", *words, given=given)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def record(shell: Shell, version: str, content: bytes = b"code") -> Path:
    """A release's record, as `make release` leaves it."""
    file = File("overt/__init__.py", hashlib.sha256(content).hexdigest(), len(content))
    wheel = File(f"overt-{version}-py3-none-any.whl", hashlib.sha256(content * 2).hexdigest(), 99)
    bill = File(f"overt-{version}.cdx.json", hashlib.sha256(b"bill").hexdigest(), 4)
    made = ProgramRelease("overt", version, wheel, (file,), bill, (Required("tuf", "7.0.1", ()),))
    path = shell.folder / f"overt-{version}.release.json"
    path.write_bytes(made.encode())
    return path


def witness_answers(shell: Shell, folder: str) -> None:
    """A person carries the request to the witness, and the answer back."""
    (request,) = (shell.folder / "log" / "requests").glob("*.request")
    shell.overt("witness", "answer", folder, str(request), "--passphrase-fd", "0", given="of the witness\n")


def founded(shell: Shell, *options: str, given: str = "") -> Path:
    """A log and its policy: one witness, who must cosign."""
    line = shell.release("found", "log", ORIGIN, *options, given=given).strip()
    assert line.startswith(f"log {ORIGIN}+")
    made = shell.overt(
        "witness", "init", "w", "--name", "w.example/1", "--passphrase-fd", "0", given="of the witness\n"
    )
    shell.overt("witness", "add-log", "w", line.removeprefix("log "))
    policy = shell.folder / "policy.txt"
    policy.write_text(f"{line}\nwitness w {made.strip()}\nquorum w\n")
    return policy


def test_from_a_new_log_to_a_proof(shell: Shell) -> None:
    policy = founded(shell, "--unprotected")
    for number, version in enumerate(("0.1.0", "0.2.0")):
        path = record(shell, version)
        said = shell.release("log", "log", path.name, "--policy", "policy.txt", code=1)
        assert said.startswith("release: ") and "w" in said and "Traceback" not in said
        witness_answers(shell, "w")
        assert shell.release("log", "log", path.name, "--policy", "policy.txt").strip() == (
            f"overt-{version}.tlog-proof"
        )
        proof = shell.folder / f"overt-{version}.tlog-proof"
        shown = proven.read(Evidence(path, proof, policy))
        assert (shown.index, shown.release.version) == (number, version)
        assert [name for name, _ in shown.accepted.cosigned_s] == ["w"]
    watch = ["monitor", "releases", "--log-url", "log/public", "--policy", "policy.txt"]
    assert "2 entries taken in, 2 in all" in shell.overt(*watch, "--state", "m", "--site", "site")
    page = (shell.folder / "site" / "index.html").read_text()
    assert "overt 0.2.0" in page and "fetch" not in page


def test_a_version_is_logged_once(shell: Shell) -> None:
    founded(shell, "--unprotected")
    shell.release("log", "log", record(shell, "0.1.0").name, "--policy", "policy.txt", code=1)
    witness_answers(shell, "w")
    shell.release("log", "log", record(shell, "0.1.0").name, "--policy", "policy.txt")
    other = record(shell, "0.1.0", b"other code")
    said = shell.release("log", "log", other.name, "--policy", "policy.txt", code=1)
    assert "overt 0.1.0 is entry 0 of the log, with other bytes" in said
    assert "give the changed program a new version" in said


def test_a_key_with_a_passphrase(shell: Shell) -> None:
    assert "are not the same" in shell.release("found", "log", ORIGIN, given="one\nother\n", code=1)
    assert not (shell.folder / "log").exists()
    founded(shell, given="pass of the log\npass of the log\n")
    path = record(shell, "0.1.0")
    said = shell.release("log", "log", path.name, "--policy", "policy.txt", given="the wrong one\n", code=1)
    assert "passphrase" in said and "Traceback" not in said
    shell.release("log", "log", path.name, "--policy", "policy.txt", given="pass of the log\n", code=1)
    witness_answers(shell, "w")
    shell.release("log", "log", path.name, "--policy", "policy.txt", given="pass of the log\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("log", "log", "nothing.json", "--policy", "policy.txt"), "nothing.json: No such file"),
        (("log", "log", "policy.txt", "--policy", "policy.txt"), "program release: "),
        (("log", "nowhere", "overt-0.1.0.release.json", "--policy", "policy.txt"), "nowhere"),
        (("log", "log", "overt-0.1.0.release.json", "--policy", "no-policy"), "no-policy: No such file"),
        (("log", "log", "overt-0.1.0.release.json", "--policy", "overt-0.1.0.release.json"), "log policy"),
        (("found", "log", ORIGIN, "--unprotected"), "log"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_said_in_one_line(shell: Shell, words: tuple[str, ...], said: str) -> None:
    founded(shell, "--unprotected")
    record(shell, "0.1.0")
    answer = shell.release(*words, code=1)
    assert answer.startswith("release: ") and said in answer and answer.count("\n") == 1
