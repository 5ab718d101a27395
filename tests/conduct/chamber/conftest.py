"""What every test of the chamber needs: root, and a kernel that has it all."""

from __future__ import annotations

import os

import pytest

from overt.conduct.chamber import preflight
from tests.conftest import require

_missing: list[str] | None = None


@pytest.fixture
def lab() -> None:
    """Fails in CI, and skips elsewhere, where a chamber can't be made."""
    global _missing
    if _missing is None:
        _missing = preflight.missing() if os.geteuid() == 0 else ["root"]
    require(not _missing, f"a chamber's needs ({'; '.join(_missing)})")
