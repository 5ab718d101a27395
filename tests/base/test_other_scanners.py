"""The repository holds nothing that another scanner would call malware, its test data included."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.base.documents import EICAR
from tests.base.fixtures import FIXTURES
from tests.conftest import require

ROOT = Path(__file__).parents[2]
SIGNATURE_BYTES = 160
SHORTEST_BYTES = 48
OFFSET_BYTES = 8
"""Left out at the beginning: several fixtures differ only after it."""


def test_clamscan_finds_nothing_in_the_repository(tmp_path: Path) -> None:
    """With signatures of EICAR and of every fixture, so that any of them lying about in plain would be found."""
    require(shutil.which("clamscan") is not None, "clamscan (Debian package clamav)")
    database = tmp_path / "fixtures.ndb"
    bodies = {"eicar": EICAR} | {
        name: data[OFFSET_BYTES:][:SIGNATURE_BYTES] for name, data in FIXTURES.items()
    }
    lines = [
        f"{name}:0:*:{body.hex()}"
        for name, body in bodies.items()
        if len(body) >= SHORTEST_BYTES and len(set(body)) > 4
    ]
    database.write_text("\n".join(lines) + "\n")
    plain = tmp_path / "plain"
    plain.write_bytes(FIXTURES["ransom_note"])
    command = ["clamscan", f"--database={database}", "--no-summary", "--infected", "--recursive"]
    known = subprocess.run([*command, str(plain)], capture_output=True, text=True)
    assert known.returncode == 1, known.stderr
    folders = [str(ROOT / name) for name in ("src", "tests", "docs", "scripts")]
    result = subprocess.run([*command, *folders], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
