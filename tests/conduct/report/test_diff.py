"""Two versions of a product compared."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path

from msgspec.structs import replace

from overt.conduct.evidence.records import Mode
from overt.conduct.report import html
from overt.conduct.report.diff import MAX_LISTED, diff, lines
from tests.conduct.report import made
from tests.conduct.report.conftest import Report, written


def test_a_version_that_began_to_spy(behaving: Report, spying: Report) -> None:
    found = diff(behaving.folder.path, spying.folder.path)
    sorts = {sort.name: sort for sort in found.sorts}
    assert "upload.spy.example:443 (undeclared)" in sorts["destinations"].new
    assert not sorts["destinations"].gone
    assert "/usr/bin/curl" in sorts["programs run"].new
    assert "a planted file (ssh key)" in sorts["files opened"].new
    assert "content of a planted text file (marked)" in sorts["what left"].new
    assert {answer.asked for answer in found.answers if answer.worse} >= {
        "Did the content of your files leave?"
    }
    text = "\n".join(lines(found))
    assert "+ listening: tcp:0.0.0.0:4444" in text and "worse: Did it open passwords" in text


def test_a_version_that_stopped(behaving: Report, spying: Report) -> None:
    found = diff(spying.folder.path, behaving.folder.path)
    assert not any(sort.new for sort in found.sorts if sort.name != "paths changed")
    assert all(answer.better for answer in found.answers if "content of your files" in answer.asked)


def test_the_same_twice_is_no_difference(behaving: Report) -> None:
    found = diff(behaving.folder.path, behaving.folder.path)
    assert found.same and list(lines(found)) == ["no difference was found"]


def test_what_varies_from_run_to_run_is_no_difference(tmp_path: Path) -> None:
    def with_temporary(name: str) -> made.Evidence:
        base = made.behaving()
        return changed(base, changes=[*base.changes, made.change(f"/tmp/av-{name}/part.{name}", step=3)])

    one = written(tmp_path / "a", with_temporary("20261122133700"))
    two = written(tmp_path / "b", with_temporary("20261123144811"))
    assert diff(one.folder.path, two.folder.path).same


def test_another_examination_is_said(tmp_path: Path, behaving: Report) -> None:
    dead = made.behaving()
    dead = changed(dead, run=replace(dead.run, mode=Mode.DEAD))
    found = diff(behaving.folder.path, written(tmp_path / "b", dead).folder.path)
    assert found.warnings == ("other modes: sink before, dead now",)


def test_the_page(behaving: Report, spying: Report) -> None:
    page = html.diff_page(diff(behaving.folder.path, spying.folder.path)).decode()
    began = behaving.folder.runs()[0].run().began
    assert began[:10] in page and f"{began[11:19]} UTC" in page, "which is which, of two of the same version"
    assert "of Example AV became worse" in page and "upload.spy.example:443 (undeclared)" in page
    assert "<script" not in page and " src=" not in page
    same = html.diff_page(diff(behaving.folder.path, behaving.folder.path)).decode()
    assert "No difference was found" in same


def test_lists_are_bounded(tmp_path: Path, behaving: Report) -> None:
    many = [
        made.access(f"/srv/{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}")
        for n in range(1000)
    ]
    other = written(tmp_path / "b", changed(made.behaving(), accesses=many))
    sort = next(
        one for one in diff(behaving.folder.path, other.folder.path).sorts if one.name == "files opened"
    )
    assert (len(sort.new), sort.more_new) == (MAX_LISTED, 800)
