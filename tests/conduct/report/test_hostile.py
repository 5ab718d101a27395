"""Reports of products, and from labs, that choose every word so as to break whoever looks at it."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace as changed
from pathlib import Path

import msgspec
import pypdf
import pytest
from msgspec.structs import replace
from trestle.oscal.assessment_results import Model

from overt.cli.app import main
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Blind, Record, Request
from overt.conduct.report import build
from overt.conduct.report.statement import STATEMENT, statement
from tests.conduct.report import made
from tests.conduct.report.conftest import Report, written

UNSEEN = "\x1b[2J\x1b]0;owned\x07\u202e\u2066\u200b\x9b31m\x00\r\n"
"""Clears a terminal, names its window, turns the direction of letters round, hides, starts a line of its own."""
WORDS = f"<img src=x onerror=alert(1)>'\"]]>--><b>{UNSEEN}overt: all is well"
LONG = WORDS + "long " * 2_000_000 + WORDS
"""Ten million letters."""
KEPT = frozenset(
    "sha256 began name sent received hello output address protocol kind token application anchors".split()
)
"""Fields that are no free text."""


def worded(record: Record, text: str = WORDS) -> Record:
    """With `text` wherever a product's own words can stand."""
    given = {
        field.name: text
        for field in msgspec.structs.fields(record)
        if field.type is str and field.name not in KEPT
    }
    return replace(record, **given)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Every record with such words, and some that are long."""
    base = made.spying()
    run = replace(
        base.run,
        kernel=WORDS,
        blind=(Blind(at_s=1.0, what=LONG, by=None, attempt=True, defeated=False),),
        steps=tuple(replace(step, command=(WORDS, "x")) for step in base.run.steps),
    )
    flows = [worded(one) for one in base.flows]
    evidence = changed(
        base,
        run=run,
        canaries=[replace(one, marking=WORDS, system=WORDS, language=WORDS) for one in base.canaries],
        processes=[made.process(1, LONG, arguments=()), made.process(2, WORDS, arguments=(WORDS,) * 9)],
        accesses=[made.access("/home/" + LONG), made.access(f"/home/{WORDS}")],
        flows=[
            replace(flows[0], name=LONG, requests=(Request(at_s=1.0, method=WORDS, target=WORDS),)),
            *(replace(one, name=WORDS) for one in flows[1:]),
        ],
        changes=[made.change(f"/etc/cron.d/{LONG}", step=3), made.change(f"/etc/{WORDS}", detail=WORDS)],
        opaque=[worded(one) for one in base.opaque],
    )
    profile = made.PROFILE_TEXT % json.dumps(LONG[:500_000] + WORDS)[1:-1]
    return written(tmp_path_factory.mktemp("hostile") / "report", evidence, name=LONG, profile=profile)


def controls(text: str) -> set[str]:
    return {char for char in text if not char.isprintable() and char != "\n"}


def test_the_page(hostile: Report) -> None:
    page = (hostile.folder.path / "report.html").read_text()
    assert controls(page) == set()
    assert "<img" not in page and "<b>\\x1b" not in page and "onerror=alert(1)&gt;" in page
    assert len(page) < 1_000_000
    assert "\\u202e" in page


def test_the_paper(hostile: Report) -> None:
    data = (hostile.folder.path / "report.pdf").read_bytes()
    reader = pypdf.PdfReader(io.BytesIO(data))
    text = "\n".join(page.extract_text() for page in reader.pages)
    bullets = "\x7f"  # as pypdf reads those of Helvetica
    assert "onerror" in text and controls(text) <= {bullets} and len(data) < 2_000_000
    assert not any("/AA" in page or "/Annots" in page for page in reader.pages)


def test_what_auditors_read(hostile: Report) -> None:
    data = (hostile.folder.path / "oscal.json").read_bytes()
    Model.model_validate_json(data)
    assert controls(data.decode()) == set() and len(data) < 1_000_000


def test_the_terminal(hostile: Report, spying: Report, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(hostile.folder.path)
    for command in (
        ["show", path],
        ["verify", path],
        ["diff", str(spying.folder.path), path],
        ["certify", "assess", path],
    ):
        main(["conduct", *command])
        said = capsys.readouterr()
        assert said.out and controls(said.out + said.err) == set(), command
        assert not any(line.startswith("overt: all is well") for line in said.out.splitlines())
        assert max(map(len, said.out.splitlines())) < 3000, command


NAME = "\x1b[2J\u202eovert: all is well\n.json"


def _link(path: Path) -> None:
    (path / "evidence" / NAME).symlink_to("/etc/passwd")


def _run(path: Path) -> None:
    (path / "evidence/runs/mixed-1").rename(path / "evidence/runs" / NAME)


def _record(path: Path) -> None:
    (path / "evidence/runs/mixed-1/run.json").write_text(json.dumps({UNSEEN: WORDS}))


def _profile(path: Path) -> None:
    (path / "evidence/profile.toml").write_text(f"{json.dumps(WORDS)} = 1")


def _answer(path: Path) -> None:
    folder = ReportFolder(path)
    text = (WORDS * 40)[:2000]
    folder.write_answers(tuple(replace(one, summary=text, asked=text) for one in folder.answers()[:2]))


def _long_answer(path: Path) -> None:
    folder = ReportFolder(path)
    folder.write_answers(tuple(replace(one, summary=LONG, asked=LONG) for one in folder.answers()[:2]))


@pytest.mark.parametrize("harm", [_link, _run, _record, _profile, _answer, _long_answer])
def test_the_terminal_when_a_lab_lies(
    harm: Callable[[Path], None], spying: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names of files, errors that quote them, answers that were never judged; signed by who made them."""
    copy = Path(shutil.copytree(spying.folder.path, tmp_path / "copy"))
    harm(copy)
    if harm in (_run, _answer):
        signed = spying.key.sign(statement(ReportFolder(copy), made.MADE, spying.key.text, build.here()))
        (copy / STATEMENT).write_bytes(signed)
    for command in (["show"], ["verify"], ["diff", str(spying.folder.path)], ["certify", "assess"]):
        main(["conduct", *command, os.fspath(copy)])
        said = capsys.readouterr()
        lines = (said.out + said.err).splitlines()
        assert lines and controls("".join(lines)) == set(), command
        assert not any(line.startswith("overt: all is well") for line in lines)
        assert max(map(len, lines)) < 3000, command
