"""Damaged files of rules: every mutation is a problem or carried over, never an error."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from overt.rules.imports.recognise import take
from overt.rules.intake import Intake
from tests.rules.test_clamav import LDB, NDB, container
from tests.rules.test_lists import MD5, RULE, SHA256, bundle, event, tarred, zipped

LINES = {
    "a.ndb": "".join(f"{name}:{rest}\n" for name, rest in NDB.items()),
    "a.ldb": "".join(f"{name};Engine:51-255,Target:0;{rest}\n" for name, rest in LDB.items()),
    "a.hsb": f"{SHA256}:5:Known\n",
    "a.mdb": f"512:{MD5}:Section\n",
    "a.csv": f"md5,sha256,size,family\n{MD5},{SHA256},5,Some family\n",
    "a.txt": f"{MD5};comment\n{SHA256}  name\n",
}
SAMPLES: dict[str, bytes] = {
    **{name: text.encode() for name, text in LINES.items()},
    "a.yar": RULE,
    "b.json": bundle(f"[file:hashes.'SHA-256' = '{SHA256}' AND file:size = 5]"),
    "e.json": event({"type": "md5", "value": MD5, "to_ids": True}, {"type": "yara", "value": RULE.decode()}),
    "a.zip": zipped({"a.yar": RULE, "b.csv": LINES["a.csv"].encode()}),
    "a.tar.gz": tarred({"a.yar": RULE}, "w:gz"),
    "a.cvd": container({"a.ndb": LINES["a.ndb"].encode()}),
}
MUTATIONS = 150
STUMBLES = (b"", b"\0", b"9" * 5_000, b"(", b'"', b"'", b"{", b"\xff\xfe")


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` with a few bytes changed, cut, repeated or replaced by what parsers stumble over."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        span = chance.randint(0, 12)
        new = chance.choice(
            (
                b"",
                b"\0",
                b"9" * 5_000,
                b"(",
                b'"',
                b"'",
                b"{",
                b"\xff\xfe",
                chance.randbytes(6),
                data[at : at + span],
            )
        )
        data = data[:at] + new + data[at + span :]
    return data


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_no_mutation_is_an_error(name: str, tmp_path: Path) -> None:
    chance = random.Random(name)
    for _ in range(MUTATIONS):
        take(name, mutated(SAMPLES[name], chance), Intake(tmp_path))


@pytest.mark.parametrize(
    "document",
    [
        {
            "type": "bundle",
            "objects": [None, 3, {"type": "indicator", "external_references": None, "pattern": 5}],
        },
        {
            "type": "bundle",
            "objects": [{"type": "indicator", "pattern": f"[file:hashes.MD5='{MD5}']", "valid_until": 7}],
        },
        {"Event": {"Attribute": None, "Object": [None], "Orgc": "x"}},
        {"response": [{"Event": {"Attribute": [{"type": ["md5"], "value": {}}]}}]},
        [[[]]],
        {},
    ],
)
def test_json_of_other_shapes_carries_nothing(document: object, tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    take("x.json", json.dumps(document).encode(), intake)
    assert not intake.writers and not intake.texts


def test_deeply_nested_json_is_a_problem(tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    take("x.json", b"[" * 200_000, intake)
    assert intake.problems


def test_a_number_too_long_costs_only_its_line(tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    take("x.ldb", f"Long;Target:0;{'9' * 5_000};6e656564\nFine;Target:0;0;6e656564\n".encode(), intake)
    assert len(intake.problems) == 1 and "rule Fine" in intake.texts["x.ldb"]
