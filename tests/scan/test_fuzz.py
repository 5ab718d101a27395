"""Promises 2 and 3 under thousands of mutated files: `make fuzz` runs 200,000 of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts.fuzz import Plan, collect_samples, differences, manifest, run
from scripts.mutate import mutated, sample

INPUTS = 3_000
SEED = 20_261


@pytest.mark.kernel
@pytest.mark.slow
def test_every_mutated_input_gets_a_verdict_and_nothing_is_written(tmp_path: Path) -> None:
    plan = Plan(INPUTS, SEED, tmp_path / "area", tmp_path / "kept")
    plan.area.mkdir()
    tally = run(plan, collect_samples(tmp_path / "samples"))
    assert tally.faults == []
    assert tally.of_kind("forbidden system call", "deadline") == []
    assert sum(tally.verdicts.values()) == INPUTS


def test_a_seed_gives_the_same_input_again() -> None:
    samples = [sample(f"sample {number}", bytes(range(256)) * (number + 1)) for number in range(4)]
    weights = [1.0] * len(samples)
    first = [mutated(samples, weights, f"7/{number}") for number in range(200)]
    assert first == [mutated(samples, weights, f"7/{number}") for number in range(200)]
    assert len({data for _, data in first}) > 150


def test_the_manifest_sees_what_a_session_might_write(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"as it was")
    (tmp_path / "touched").write_bytes(b"12345")
    before = manifest(tmp_path)
    (tmp_path / "touched").write_bytes(b"54321")
    (tmp_path / "new").mkdir()
    (tmp_path / "report.jsonl").write_bytes(b"{}")
    assert differences(before, manifest(tmp_path)) == [("new", "added"), ("touched", "changed")]
