"""`overt conduct new`: the file that it writes is one that `overt conduct run` takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.cli.app import main


@pytest.mark.parametrize("name", ["scanner", "scanner.txt", ".toml"])
def test_a_name_that_run_would_not_know_is_refused_before_anything_is_asked(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["conduct", "new", name]) == 2
    said = capsys.readouterr().err
    assert said == f"overt: {name}: name it {name}.toml: by that 'overt conduct run' knows a file\n"
    assert not list(tmp_path.iterdir())
