"""Start sessions from the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from overt.engine.pack import dump
from tests.payload import pack

ROOT = Path(__file__).parents[2]


@dataclass
class Result:
    """What a session said."""

    reports: dict[str, dict[str, Any]]
    summary: dict[str, Any]
    confinement: str
    progress: list[list[int]]
    stderr: str

    def reasons(self, path: Path | str) -> list[str]:
        """Why a file is incomplete."""
        return [gap[0] for gap in self.reports[str(path)]["gaps"]]


def test_pack(folder: Path) -> str:
    """A pack file that knows only the tests' payload."""
    path = folder / "test.pack"
    path.write_bytes(dump(pack()))
    return str(path)


test_pack.__test__ = False  # type: ignore[attr-defined]


def named_pack(folder: Path, source: str) -> Path:
    """A pack file of one rule that looks at names."""
    path = folder / "named.pack"
    made = pack(source, "r")
    path.write_bytes(dump(msgspec.structs.replace(made, externals=("filename", "filepath"))))
    return path


def command(folder: Path, *targets: Path | str, **options: Any) -> list[str]:
    """The command line of one session."""
    options = {
        "pack": test_pack(folder),
        "targets": [str(target) for target in targets],
        "workers": 2,
    } | options
    return [sys.executable, "-m", "tests.scan.drive", json.dumps(options)]


def scan(
    folder: Path, *targets: Path | str, stdin: bytes = b"", timeout_s: float = 60, **options: Any
) -> Result:
    """Run one session to its end."""
    done = subprocess.run(
        command(folder, *targets, **options),
        input=stdin,
        capture_output=True,
        timeout=timeout_s,
        cwd=ROOT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    return parse(done.stdout, done.stderr)


def parse(stdout: bytes, stderr: bytes) -> Result:
    """Read a session's lines."""
    lines = [json.loads(line) for line in stdout.splitlines()]
    reports = {line["path"]: line for line in lines if "path" in line}
    last = next((line for line in lines if "summary" in line), None)
    assert last is not None, stderr.decode(errors="replace")
    progress = [line["progress"] for line in lines if "progress" in line]
    return Result(reports, last["summary"], last["confinement"], progress, stderr.decode(errors="replace"))
