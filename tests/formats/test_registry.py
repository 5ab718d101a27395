"""Every format that is unpacked has a fixture made by a real tool, and its payload is found inside."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

import pytest

import tests.formats
from overt.core.model import Verdict
from overt.engine.unpack.registry import FORMATS
from tests.payload import examine

Build = Callable[[Path], bytes]
"""Makes a file of the format around the payload, in the given empty folder, and returns its bytes."""

FIXTURES: dict[str, Build] = {}
for _module in pkgutil.iter_modules(tests.formats.__path__):
    if _module.name.startswith("make_"):
        FIXTURES |= importlib.import_module(f"tests.formats.{_module.name}").FIXTURES


def test_every_unpacked_format_has_a_fixture() -> None:
    assert {form.name for form in FORMATS if form.unpack} <= FIXTURES.keys()


@pytest.mark.parametrize("name", sorted(FIXTURES))
def test_payload_is_found_inside(name: str, tmp_path: Path) -> None:
    examination = examine(FIXTURES[name](tmp_path))
    assert examination.verdict is Verdict.INFECTED
    assert any(finding.inside for finding in examination.findings)
    assert not examination.gaps
