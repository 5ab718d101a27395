"""Shared by all tests: a home of Overt's own per test, and the rule for missing features."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: speed is for the benchmarks. The same examples in every run: what fails is a change's
# fault. `--hypothesis-profile=explore` draws others.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("overt", settings.get_profile("explore"), derandomize=True)
settings.load_profile("overt")


@pytest.fixture(autouse=True)
def overt_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has its own data, cache, vault and configuration."""
    home = tmp_path / "overt-home"
    monkeypatch.setenv("OVERT_HOME", str(home))
    return home


def require(present: bool, what: str) -> None:
    """A missing feature fails the test in CI and skips it, with the reason, elsewhere."""
    if not present:
        if os.environ.get("CI"):
            pytest.fail(f"{what} is missing, and CI must have it")
        pytest.skip(f"{what} is missing here")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes name no test: some hold the time at which they were made, and all workers must see the same names."""
    return argname if isinstance(val, bytes) else None
