"""A wired sink for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conduct.sink.lab import Net, network
from tests.conftest import require


@pytest.fixture
def ready() -> None:
    """Root, and the two programs that the sink itself needs."""
    require(os.geteuid() == 0, "root (for network namespaces)")
    for program in ("nft", "ip"):
        require(shutil.which(program) is not None, program)


@pytest.fixture
def net(ready: None, tmp_path: Path) -> Iterator[Net]:
    with network(tmp_path) as wired:
        yield wired
