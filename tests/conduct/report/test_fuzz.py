"""A report may come from anybody: damaged evidence, envelopes and certificates end in a clear error or an answer."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime
from pathlib import Path

from overt.conduct.certify import office
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.judge import judge
from overt.conduct.report import html, signing, verify
from overt.conduct.report.diff import diff
from overt.conduct.report.statement import STATEMENT
from overt.core.errors import OvertError
from tests.conduct.report.conftest import Report

ROUNDS = 250
PIECES = (
    b"null",
    b"-1",
    b"1e308",
    b"9" * 40,
    b'""',
    b"[]",
    b"{}",
    b'"\\ud800"',
    b'"../../x"',
    b"true",
    b"\n",
    b"\xff",
)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` with a piece replaced, cut, doubled or changed."""
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice((0, 1, 2, 8, 40)))
    piece = chance.choice((*PIECES, data[start:end] * 2, b""))
    return data[:start] + piece + data[end:]


def values_changed(data: bytes, chance: random.Random) -> bytes:
    """JSON lines with one value in the place of another: damage that may still be read."""
    parts = data.split(b":")
    place = chance.randrange(1, len(parts)) if len(parts) > 1 else 0
    value, comma, rest = parts[place].partition(b",")
    parts[place] = chance.choice((*PIECES, value)) + comma + rest
    return b":".join(parts)


def test_damaged_evidence(spying: Report, tmp_path: Path) -> None:
    chance = random.Random(11)
    folder = ReportFolder(Path(shutil.copytree(spying.folder.path, tmp_path / "copy")))
    files = [
        path for path in sorted(folder.evidence.rglob("*")) if path.suffix in (".json", ".jsonl", ".toml")
    ]
    read = 0
    for _ in range(ROUNDS):
        path = chance.choice(files)
        data = path.read_bytes()
        path.write_bytes(chance.choice((mutated, values_changed))(data, chance))
        try:
            judge(folder)
            html.diff_page(diff(spying.folder.path, folder.path))
            read += 1
        except OvertError:
            pass
        assert not verify.verify(folder.path, None, None).holds or path.read_bytes() == data
        path.write_bytes(data)
    assert 0 < read < ROUNDS


def test_damaged_envelopes(spying: Report, tmp_path: Path) -> None:
    chance = random.Random(12)
    path = spying.folder.path / STATEMENT
    copy = Path(shutil.copytree(spying.folder.path, tmp_path / "copy"))
    data = path.read_bytes()
    for _ in range(ROUNDS):
        damaged = mutated(data, chance)
        (copy / STATEMENT).write_bytes(damaged)
        assert not verify.verify(copy, spying.key.text, None).holds or damaged == data


def test_damaged_certificates(tmp_path: Path) -> None:
    chance = random.Random(13)
    key = signing.new_key()
    data = key.sign({"_type": "x", "subject": [], "predicateType": "y", "predicate": {"level": 3}})
    for _ in range(ROUNDS):
        found, checks = office.check(mutated(data, chance), tmp_path, key.public, datetime.now(UTC))
        assert found is None and not checks[0].held
