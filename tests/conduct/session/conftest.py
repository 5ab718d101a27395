"""What runs in a chamber needs root and the kernel's help."""

from __future__ import annotations

import os

import pytest

from overt.conduct.chamber import preflight
from tests.conftest import require


@pytest.fixture(scope="session", autouse=True)
def lab() -> None:
    """Fails in CI, and skips elsewhere, where a chamber can't be made."""
    lacking = preflight.missing() if os.geteuid() == 0 else ["root"]
    require(not lacking, f"a chamber's needs ({'; '.join(lacking)})")
