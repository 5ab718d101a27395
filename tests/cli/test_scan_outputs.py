"""One real, confined scan that writes every output at once; and the exit codes and options of `overt scan`."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from jsonschema import Draft4Validator, Draft202012Validator
from referencing import Registry, Resource

from overt.cli import app
from overt.cli.outputs import own_excludes
from overt.cli.scan import exit_code, request_of
from overt.cli.voice import Exit
from overt.core.errors import UsageError
from overt.core.model import Summary
from tests.cli.test_jsonl import SCHEMA
from tests.cli.test_sarif import SCHEMA as SARIF
from tests.cli.test_transcripts import MARKER, payload_pack
from tests.waiting import PATIENCE_S

EXPLAIN = json.loads((Path(__file__).parents[2] / "docs/schema/explain-1.schema.json").read_text("utf-8"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with a clean file, an infected one with an undecodable name, and one that is too big."""
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "clean.txt").write_text("clean")
    (tmp_path / "test.pack").write_bytes(payload_pack())
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.txt")).write_text(MARKER)
    (folder / "big.bin").write_bytes(bytes(5000))
    return folder


def overt(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "overt", *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


@pytest.mark.kernel
def test_all_outputs_of_one_scan_agree(tree: Path) -> None:
    outputs = ("--json=r.jsonl", "--sarif=r.sarif", "--csv=r.csv", "--html=r.html")
    done = overt(tree, "scan", "--pack=../test.pack", "--max-file-bytes=4000", *outputs, ".")
    assert done.returncode == Exit.INFECTED, done.stderr
    assert "caf\\udce9.txt: test_payload" in done.stdout
    records = [json.loads(line) for line in (tree / "r.jsonl").read_text("utf-8").splitlines()]
    for record in records:
        Draft202012Validator(SCHEMA).validate(record)
    assert (records[-1]["files"], records[-1]["excluded"], records[-1]["confinement"]) == (3, 4, "confined")
    assert sorted(record["verdict"] for record in records[1:-1]) == ["clean", "incomplete", "infected"]
    Draft4Validator(SARIF).validate(json.loads((tree / "r.sarif").read_text("utf-8")))
    rows = list(csv.DictReader(io.StringIO((tree / "r.csv").read_text("utf-8"))))
    assert sorted(row["row"] for row in rows) == ["file", "finding", "gap"]
    assert "Confined by the kernel" in (tree / "r.html").read_text("utf-8")


@pytest.mark.kernel
def test_machine_output_on_stdout_sends_the_report_for_people_to_stderr(tree: Path) -> None:
    done = overt(tree, "scan", "--pack=../test.pack", "clean.txt", "--json")
    assert [json.loads(line)["record"] for line in done.stdout.splitlines()] == ["start", "file", "summary"]
    assert "verdict      clean" in done.stderr
    quiet = overt(tree, "scan", "--pack=../test.pack", "clean.txt", "--csv=-", "--quiet")
    assert (quiet.stderr, len(quiet.stdout.splitlines())) == ("", 2)


@pytest.mark.kernel
def test_explain_as_json(tree: Path) -> None:
    name = next(name for name in os.listdir(tree) if name.startswith("caf"))
    done = overt(tree, "explain", "--pack=../test.pack", "--json", name)
    told = json.loads(done.stdout)
    registry: Registry[object] = Registry().with_resource(SCHEMA["$id"], Resource.from_contents(SCHEMA))
    Draft202012Validator(EXPLAIN, registry=registry).validate(told)
    assert MARKER in told["rules"][0]["text"]
    assert done.returncode == Exit.INFECTED


@pytest.mark.kernel
def test_ctrl_c_ends_with_a_partial_report_and_130(tree: Path) -> None:
    for number in range(20_000):
        (tree / f"{number}.txt").write_text("x" * 500)
    process = subprocess.Popen(
        [sys.executable, "-m", "overt", "scan", "--pack=../test.pack", "--no-cache", "--json=-", "."],
        cwd=tree,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == Exit.INTERRUPTED
    assert time.monotonic() - began < PATIENCE_S / 2
    assert json.loads(out.splitlines()[-1])["interrupted"] is True
    assert b"interrupted" in err and b"Traceback" not in err


@pytest.mark.kernel
def test_a_closed_pipe_is_no_crash(tree: Path) -> None:
    for number in range(3000):
        (tree / f"{number}.txt").write_text(f"{number}")
    command = f"{sys.executable} -m overt scan --pack=../test.pack -v . | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=tree, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("summary", "incomplete", "code"),
    [
        (Summary(clean=1), "error", 0),
        (Summary(infected=1, incomplete=1), "error", 1),
        (Summary(incomplete=1), "error", 2),
        (Summary(incomplete=1), "clean", 0),
        (Summary(incomplete=1), "infected", 1),
        (Summary(infected=1), "clean", 1),
        (Summary(infected=1, interrupted=True), "error", 130),
    ],
)
def test_exit_codes(summary: Summary, incomplete: str, code: int) -> None:
    assert exit_code(summary, incomplete) == code


def test_every_flag_reaches_the_request(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("one\ntwo\n\none\n")
    arguments = (
        "scan a b --exclude x --exclude-from y --follow-symlinks --one-file-system --password p "
        f"--passwords-from {tmp_path}/words --workers 2 --no-cache --quarantine --unconfined --pack q "
        "--max-unpacked-bytes 2GiB --deadline-s 60 --files-from l --null"
    )
    request = request_of(app.parser(only="scan").parse_args(arguments.split()))
    assert request.targets == ("a", "b")
    assert (request.files_from, request.null_separated) == ("l", True)
    assert (request.exclude, request.exclude_from) == (("x",), ("y",))
    assert (request.follow_symlinks, request.one_file_system) == (True, True)
    assert request.passwords == ("p", "one", "two")
    assert (request.workers, request.cache, request.quarantine) == (2, False, True)
    assert (request.unconfined, request.pack) == (True, "q")
    assert (request.limits.max_unpacked_bytes, request.limits.deadline_s) == (2 << 30, 60.0)


def test_own_outputs_are_left_out_of_the_scan(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    names = (f"{tmp_path}/a/r [1].html", "-", "/elsewhere/r.json")
    assert own_excludes((str(tmp_path), "-"), names) == ("/a/r\\ \\[1\\].html",)


def test_an_output_never_leaves_out_another_target(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "b" / "r.csv").write_text("mine")
    with pytest.raises(UsageError, match="outside the scanned folders"):
        own_excludes((f"{tmp_path}/a", f"{tmp_path}/b"), (f"{tmp_path}/a/r.csv",))


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "scan --pack=../test.pack . --json=/dev/full",
            "cannot write the --json output to /dev/full: No space left",
        ),
        (
            "scan --pack=../test.pack . --html=/dev/full",
            "cannot write the --html output to /dev/full: No space left",
        ),
        ("scan --pack=../test.pack . > /dev/full", "No space left"),
        ("explain --pack=../test.pack clean.txt > /dev/full", "No space left"),
    ],
)
def test_a_full_disk_is_an_error_and_never_reads_as_a_verdict(tree: Path, command: str, message: str) -> None:
    shell = f"{sys.executable} -m overt {command}"
    done = subprocess.run(["bash", "-c", shell], cwd=tree, capture_output=True, text=True, timeout=60)
    assert done.returncode == Exit.ERROR
    assert message in done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.kernel
def test_redirected_standard_output_is_left_out_of_the_scan(tree: Path) -> None:
    shell = f"{sys.executable} -m overt scan --pack=../test.pack . > report.txt"
    subprocess.run(["bash", "-c", shell], cwd=tree, timeout=60)
    assert "left out     1 excluded" in (tree / "report.txt").read_text("utf-8")


def test_a_defect_does_not_end_with_the_code_of_an_infection(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("overt.cli.formats.say", lambda line: 1 / 0)
    assert app.main(["formats"]) == Exit.ERROR
    assert "this is a defect of Overt" in capsys.readouterr().err


@pytest.mark.kernel
def test_a_terminal_without_unicode_is_no_crash(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    with zipfile.ZipFile(tree / "a.zip", "w") as archive:
        archive.writestr("x.txt", MARKER)
    done = overt(tree, "scan", "--pack=../test.pack", "a.zip")
    assert done.returncode == Exit.INFECTED
    assert done.stdout.startswith("infected    a.zip \\u25b8 x.txt: test_payload")
