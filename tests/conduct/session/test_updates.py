"""Products that are offered forged updates in the lab: who checks them, who takes them, who runs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from overt.conduct.evidence.conclusions import Answer, Verdict
from tests.conduct.lab import SUBJECTS, answers, reported

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


def offered(folder: Path, how: str, *words: str) -> dict[str, Answer]:
    own = folder / "product"
    shutil.copytree(SUBJECTS / "updates", own)
    text = (own / "profile.toml").read_text().replace('"checks"', f'"{how}"')
    (own / "profile.toml").write_text(text)
    return answers(reported(folder, str(own / "profile.toml"), *words))


def test_who_takes_the_true_one_and_puts_the_forged_one_aside_installs_nothing(tmp_path: Path) -> None:
    found = offered(tmp_path, "checks")
    integrity = found["update-integrity"]
    assert (integrity.verdict, integrity.good) == (Verdict.NO, True), integrity
    assert any("/rejected/" in fact for fact in integrity.facts)
    assert not [one.question for one in found.values() if one.good is False]


@pytest.mark.parametrize(("how", "word"), [("trusts", "installed and used"), ("runs", "executed")])
def test_who_takes_what_comes_is_told(tmp_path: Path, how: str, word: str) -> None:
    integrity = offered(tmp_path, how)["update-integrity"]
    assert (integrity.verdict, integrity.good) == (Verdict.YES, False), integrity
    assert word in integrity.summary


def test_without_a_true_one_there_is_no_refusal(tmp_path: Path) -> None:
    """The sink's signature fits nothing: it is put aside."""
    integrity = offered(tmp_path, "checks", "--mode", "sink")["update-integrity"]
    assert (integrity.verdict, integrity.good) == (Verdict.PARTLY, None), integrity
