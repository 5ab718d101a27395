"""Where the lab's packages are not installed, every action of `overt conduct` says so in a line."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT = "import sys; sys.modules['{}'] = None; from overt.cli.app import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("ahocorasick_rs", ("run", "clamscan")),
        ("ahocorasick_rs", ("verify", "report")),
        ("ahocorasick_rs", ("certify", "assess", "report")),
        ("tomli_w", ("new", "scanner.toml")),
    ],
)
def test_a_missing_package_is_said_and_no_defect(package: str, words: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", WITHOUT.format(package), "conduct", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr == f"overt: the lab needs other packages ({package}): install overt[conduct]\n"
