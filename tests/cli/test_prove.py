"""What `overt prove --json` writes is what its schema describes, and says what held."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schema/prove-1.schema.json").read_text("utf-8"))


def prove(*options: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "overt", "prove", *options], capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout


@pytest.mark.kernel
def test_the_document_follows_its_schema() -> None:
    code, text = prove("--json")
    document = json.loads(text)
    Draft202012Validator(SCHEMA).validate(document)
    assert (code, document["succeeded"], document["confined"]) == (0, 0, True)
    assert document["layers"]["seccomp"] == "in force"


@pytest.mark.kernel
def test_nothing_is_in_force_unconfined() -> None:
    code, text = prove("--json", "--unconfined")
    document = json.loads(text)
    Draft202012Validator(SCHEMA).validate(document)
    assert (code, document["confined"]) == (1, False)
    assert document["succeeded"] == sum(not attempt["denied"] for attempt in document["attempts"]) > 0
    assert "in force" not in text
