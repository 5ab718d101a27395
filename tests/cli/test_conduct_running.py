"""What `overt conduct run` ends with: what the report itself says of its record, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from msgspec.structs import replace

from overt.cli.app import main
from overt.conduct.chamber import preflight
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Losses, Run, StepRun
from overt.conduct.report import writing
from overt.conduct.session import lab
from overt.conduct.session.wanted import Wanted
from overt.core.errors import ConductError
from tests.conduct.report import made

WHOLE = made.run_record()


def with_step(step: StepRun) -> Run:
    return replace(WHOLE, steps=(*WHOLE.steps, step))


FAILED = replace(WHOLE.steps[1], number=6, exit_status=None, timed_out=True, expected=False)


@pytest.mark.parametrize(
    ("run", "status", "sight"),
    [
        (WHOLE, 0, "yes"),
        (replace(WHOLE, losses=Losses(packets=1)), 2, "partly"),
        (replace(WHOLE, layers=("open", "network", "changes")), 2, "partly"),
        (with_step(FAILED), 2, "partly"),
        (with_step(replace(FAILED, repeated=True)), 0, "yes"),
    ],
    ids=["whole", "lost", "a layer less", "a step that failed", "a forged update that hung"],
)
def test_the_exit_code_is_what_the_report_says_of_its_record(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    run: Run,
    status: int,
    sight: str,
) -> None:
    folder = made.write(tmp_path / "report", made.Evidence(run=run))
    monkeypatch.setattr(lab, "ready", lambda _: None)
    monkeypatch.setattr(lab, "make", lambda *_: folder)
    monkeypatch.setenv("OVERT_HOME", str(tmp_path / "home"))
    profile = str(folder.evidence / "profile.toml")
    assert main(["conduct", "run", profile, "--out", str(folder.path)]) == status
    assert f"{sight:6}  Could the lab see everything" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "seeds"), [((), range(1 << 48)), (("--seed", "0"), (0,))])
def test_the_seed_is_the_one_that_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], seeds: Collection[int]
) -> None:
    profile = made.write(tmp_path / "other", made.Evidence()).evidence / "profile.toml"
    asked: list[Wanted] = []

    def ready(wanted: Wanted) -> None:
        asked.append(wanted)
        raise ConductError("that was all")

    monkeypatch.setattr(lab, "ready", ready)
    assert main(["conduct", "run", str(profile), "--out", str(tmp_path / "report"), *words]) == 2
    assert asked[0].seed in seeds
    if not words:
        main(["conduct", "run", str(profile), "--out", str(tmp_path / "report")])
        assert asked[0].seed != asked[1].seed


def test_who_ends_it_while_it_writes_is_told_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = made.write(tmp_path / "other", made.Evidence()).evidence / "profile.toml"
    out = tmp_path / "report"

    def ended(folder: ReportFolder, *_: object) -> None:
        folder.write_answers(())
        raise KeyboardInterrupt

    monkeypatch.setattr(lab, "ready", lambda _: None)
    monkeypatch.setattr(lab, "make", lambda *_: made.write(out, made.Evidence()))
    monkeypatch.setattr(writing, "write", ended)
    monkeypatch.setenv("OVERT_HOME", str(tmp_path / "home"))
    assert main(["conduct", "run", str(profile), "--out", str(out)]) == 130
    assert f"no report was made: {out} holds what was recorded so far" in capsys.readouterr().err
    assert main(["conduct", "show", str(out)]) == 2
    assert "is this the folder of a conduct report?" in capsys.readouterr().err


def test_where_nothing_can_be_run_no_key_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = made.write(tmp_path / "other", made.Evidence()).evidence / "profile.toml"
    monkeypatch.setattr(preflight, "missing", lambda _: ["root"])
    monkeypatch.setenv("OVERT_HOME", str(tmp_path / "home"))
    assert main(["conduct", "run", str(profile), "--out", str(tmp_path / "report")]) == 2
    assert "it lacks\n  root" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()
