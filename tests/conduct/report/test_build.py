"""Which build made a report: what verification says when this one gives other answers, and when it is the same one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace as changed
from pathlib import Path

import pytest

import overt
from overt.cli.app import main
from overt.cli.voice import Exit
from overt.conduct.compare.arms import compare
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.report import build, verify, writing
from overt.conduct.report.build import UNKNOWN, Build
from overt.conduct.report.statement import STATEMENT, statement
from overt.conduct.report.verify import Outcome
from tests.conduct.report import made
from tests.conduct.report.conftest import Report, written

OTHER = Build("0.0.9", "ab" * 32, {"python": "3.11.2"})


@pytest.fixture
def copy(spying: Report, tmp_path: Path) -> ReportFolder:
    """A copy to tamper with."""
    return ReportFolder(Path(shutil.copytree(spying.folder.path, tmp_path / "copy")))


def sign(folder: ReportFolder, report: Report, by: Build) -> None:
    signed = report.key.sign(statement(folder, made.MADE, report.key.text, by))
    (folder.path / STATEMENT).write_bytes(signed)


def lie(folder: ReportFolder) -> None:
    """The answer that nobody would want."""
    answers = folder.answers()
    folder.write_answers(
        (made.replace(answers[0], verdict="no", good=True, summary="It sent nothing."), *answers[1:])
    )


def test_its_digest_is_that_of_its_files() -> None:
    """As anyone takes it: `sha256sum` of the files in the order of their paths, and of what that prints."""
    script = "find . -type f ! -path '*/__pycache__/*' | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    done = subprocess.run(
        ["sh", "-c", script], cwd=Path(overt.__file__).parent, capture_output=True, check=True
    )
    assert done.stdout.split()[0].decode() == build.here().sha256


def test_what_it_rests_on_is_named() -> None:
    here = build.here()
    assert {"python", "zlib", "msgspec", "pathspec", "ahocorasick-rs", "DejaVuSans.ttf"} <= set(here.rests_on)
    assert not here.other_than(here)
    newer = changed(here, rests_on={**here.rests_on, "msgspec": "99", "more": "1"})
    assert newer.other_than(here) == (
        f"made with more 1 (here none), msgspec 99 (here {here.rests_on['msgspec']})"
    )
    assert OTHER.other_than(here).startswith(
        "made by another build (overt 0.0.9, build abababababab; this is"
    )


def test_every_library_that_verifying_loads_is_named() -> None:
    """But for those that decide nothing: what loads others, confines, signs or speaks to the network."""
    script = (
        "import sys, overt.conduct.report.verify, overt.engine.warm as w; w.warm_up(); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()} - set(sys.stdlib_module_names)
    named = {name.partition(".")[0].replace("-", "_") for name in build.LIBRARIES}
    deciding_nothing = {
        *(
            "overt",
            "importlib_metadata",
            "zipp",
            "typing_extensions",
            "pyseccomp",
            "securesystemslib",
            "pkcs11",
        ),
        *("asn1crypto", "bcrypt", "google", "dns", "idna", "boreal", "PIL", "lazy_importer"),
    }
    assert {name for name in loaded - named - deciding_nothing if not name.startswith("_")} == set()


@pytest.mark.parametrize(
    "tool", [None, "x", [], {}, {"version": 1}, {"version": "9", "digest": "x"}, {"digest": {"sha256": "0"}}]
)
def test_what_a_stranger_claims_is_some_build(tool: object) -> None:
    assert build.claimed(tool).sha256 == UNKNOWN
    assert build.claimed(build.here().stated()) == build.here()


def test_the_same_build_with_other_answers_is_an_accusation(copy: ReportFolder, spying: Report) -> None:
    lie(copy)
    sign(copy, spying, build.here())
    found = verify.verify(copy.path, spying.key.text, None)
    words = next(check.words for check in found.checks if check.what == "judged again")
    assert found.outcome is Outcome.FAILED
    assert "content-left is 'no' (good) in the report, 'yes' (bad) now" in words
    assert "this very build made it: it was changed before it was signed" in words


def test_another_build_with_other_answers_is_none(copy: ReportFolder, spying: Report) -> None:
    lie(copy)
    sign(copy, spying, OTHER)
    found = verify.verify(copy.path, spying.key.text, None)
    assert found.outcome is Outcome.OTHER_BUILD and not found.holds
    assert {check.what for check in found.checks if not check.held} == {"judged again", "written again"}
    assert all("made by another build" in check.words for check in found.checks if check.by_build)
    (copy.path / "report.pdf").write_bytes(b"x")
    assert verify.verify(copy.path, spying.key.text, None).outcome is Outcome.FAILED


def test_another_build_with_the_same_answers_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as there:
        there.setattr(build, "here", lambda: OTHER)
        report = written(tmp_path / "report", made.behaving())
    assert verify.verify(report.folder.path, report.key.text, None).holds
    page = (report.folder.path / "report.html").read_text()
    assert "Judged by overt 0.0.9 (build <code>abababababab</code>)" in page


@pytest.mark.parametrize("name", ["report.html", "report.pdf", "oscal.json"])
def test_pages_that_lie_are_told(copy: ReportFolder, spying: Report, name: str) -> None:
    """People read the page, not the evidence: not even the lab's own key can sign one that says something else."""
    path = copy.path / name
    path.write_bytes(path.read_bytes().replace(b"e", b"a", 1))
    sign(copy, spying, build.here())
    found = verify.verify(copy.path, spying.key.text, None)
    assert found.outcome is Outcome.FAILED
    wrong = [check for check in found.checks if not check.held]
    assert [check.what for check in wrong] == ["written again"]
    assert f"another {name} than is there" in wrong[0].words


def test_the_command_tells_them_apart(
    copy: ReportFolder, spying: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "lab.pub"
    key.write_text(spying.key.text)
    command = ["conduct", "verify", str(copy.path), "--public-key", str(key)]
    for run in copy.runs():  # made by hand: the finder would find something else
        verify.search_run(run, run)
    copy.write_compared(compare(copy.runs()))
    writing.write(copy, spying.key, made.MADE)
    assert main(command) == Exit.OK, capsys.readouterr().out
    assert f"searching again what left in {copy.runs()[0].path.name}" in capsys.readouterr().err
    lie(copy)
    sign(copy, spying, OTHER)
    assert main(command) == Exit.OTHER_BUILD
    said = capsys.readouterr()
    assert (
        "other   judged again: the evidence gives other answers than the report: content-left is" in said.out
    )
    assert "another build of Overt made it" in said.err
    sign(copy, spying, build.here())
    assert main(command) == Exit.ERROR
    assert "FAILED  judged again" in capsys.readouterr().out
