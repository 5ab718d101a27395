"""The manual page, completion and `--help` know every option."""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts.manpage import PAGE, page

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


def words(text: str) -> set[str]:
    """In any order: Python's releases order and format an option's names differently."""
    return set(re.findall(r"[\w-]{4,}", text.replace("\\-", "-")))


def test_the_manual_that_is_installed_is_up_to_date() -> None:
    told = "docs/overt.1 is not what the command line says now: run 'make man' and commit it"
    assert words(PAGE.read_text("utf-8")) == words(page()), told


def test_the_wheel_installs_the_manual(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        ".",
    ]
    require(importlib.util.find_spec("pip") is not None, "pip")
    subprocess.run([*command, str(root)], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("overt-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".data/data/share/man/man1/overt.1"))
        assert archive.read(name) == PAGE.read_bytes()


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
