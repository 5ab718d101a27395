"""`overt rules review` as people and publishers use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from overt.cli.app import main
from overt.rules.compile import RuleText
from overt.rules.review import Level
from overt.scan import reviewing

SPY = 'rule spy { strings: $a = "NATO SECRET" condition: $a }'
GOOD = 'rule good { strings: $a = "kernel32.dll!CreateRemoteThread" condition: uint16(0) == 0x5a4d and $a }'


@pytest.mark.kernel
def test_refused_rules_are_named_with_their_grounds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rules.yar").write_text(f"{GOOD}\n{SPY}\n")
    assert main(["rules", "review", str(tmp_path)]) == 2
    out = capsys.readouterr().out
    assert "refuse  spy (rules.yar:2" in out
    assert "marking-reaction, corpus: matches" in out
    assert "2 reviewed: 1 pass, 0 explain, 1 refuse" in out
    assert "good" not in out


def test_json_is_stable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules.yar").write_text(SPY)
    assert (
        main(["rules", "review", "--static", "--unconfined", "--json", "-", str(tmp_path / "rules.yar")]) == 2
    )
    found = json.loads(capsys.readouterr().out)
    assert found["format"] == "overt-review/1"
    rule = found["rules"][0]
    assert set(rule) == {"pack", "source", "rule", "line", "level", "score", "grounds"}
    assert rule["grounds"][0] == {
        "kind": "marking",
        "where": "$a",
        "text": "looks for a classification or handling marking: “nato secret” (en)",
        "evidence": "NATO SECRET",
        "weight": 80,
    }


def test_lists_of_hashes_are_to_be_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.txt").write_text("44d88612fea8a8f36de82e1278abb02f\n")
    assert main(["rules", "review", "--static", str(tmp_path / "bad.txt")]) == 0
    assert "explain (hashes)" in capsys.readouterr().out


@pytest.mark.kernel
def test_the_worker_answers_as_the_calling_process_would() -> None:
    texts = [RuleText("t", "a.yar", SPY), RuleText("t", "b.yar", GOOD)]
    assert reviewing.run(texts) == reviewing.reviewed(texts, dynamic=True)


@pytest.mark.kernel
def test_a_review_that_takes_too_long_is_ended() -> None:
    with pytest.raises(reviewing.ReviewError, match="longer than"):
        reviewing.run([RuleText("t", "a.yar", SPY)], deadline_s=0.0)


@pytest.mark.kernel
def test_a_review_that_takes_too_much_memory_is_ended() -> None:
    long = RuleText(
        "t", "a.yar", "\n".join(f"rule r{number} {{ condition: true }}" for number in range(100_000))
    )
    with pytest.raises(reviewing.ReviewError):  # how it goes depends on what it was doing
        reviewing.run([long], max_memory_bytes=1 << 20)


def test_rules_that_cannot_be_read_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules.yar").write_text("rule broken { nonsense }\n" + GOOD)
    assert main(["rules", "review", "--static", "--unconfined", str(tmp_path)]) == 2
    assert "rules.yar:1" in capsys.readouterr().err


def test_levels_are_ordered() -> None:
    assert Level.PASS.rank < Level.EXPLAIN.rank < Level.REFUSE.rank
