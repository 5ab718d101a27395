"""The manual page, completion and `--help` know every option."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts.manpage import page

from overt.cli import app, completion
from tests.conftest import require


def flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Every long flag of every command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from flags(sub)
        yield from (flag for flag in action.option_strings if flag.startswith("--") and flag != "--help")


def test_the_manual_has_every_command_and_option() -> None:
    text = page().replace("\\-", "-")
    assert not [flag for flag in flags(app.parser()) if flag not in text]
    assert not [command.name for command in app.COMMANDS if f"overt {command.name}" not in text]
    assert ".SH EXIT STATUS" in text and ".SH FILES" in text


def test_the_manual_is_well_formed(tmp_path: Path) -> None:
    require(os.path.exists("/usr/bin/groff"), "groff")
    (tmp_path / "overt.1").write_text(page())
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", "overt.1"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "warning: macro" not in done.stderr


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_completion_scripts_have_the_commands(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "quarantine" in script and "max-unpacked-bytes" in script


def test_bash_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app.main(["completion", "bash"])
    script = tmp_path / "overt.bash"
    script.write_text(capsys.readouterr().out)
    asked = (
        f'. "{script}"; COMP_WORDS=(overt scan --max-u); COMP_CWORD=2; _shtab_overt; echo "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True)
    assert done.stdout.split() == ["--max-unpacked-bytes"]


@pytest.mark.parametrize("command", [command.name for command in app.COMMANDS])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app.main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: overt {command}" in capsys.readouterr().out


HEAVY = ("boreal", "pybit7z", "jinja2", "tqdm", "msgspec", "overt.engine", "overt.scan", "tomllib", "shtab")


def test_the_version_needs_little() -> None:
    code = (
        "import sys\nfrom overt.cli.app import main\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        f"print([name for name in sys.modules if name.startswith({HEAVY})])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == ["[]"]
