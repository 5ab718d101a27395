"""`overt rules`, from adding to removing, also when two add at once or one is killed."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from overt.cli.app import main
from overt.core.errors import PackError
from overt.engine.hashset import HashSets
from overt.engine.matcher import Matcher
from overt.rules import added
from overt.rules.active import load_active, load_hashes
from overt.rules.intake import Intake

Captured = pytest.CaptureFixture[str]
RULES = """rule local_one { meta: author = "them" strings: $a = "overt-local-marker" condition: $a }
rule local_broken { condition: nothing_known }
"""


def overt(*arguments: str) -> int:
    return main(["rules", *arguments])


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "my rules"
    folder.mkdir()
    (folder / "one.yar").write_text(RULES)
    (folder / "known.sha256").write_text(hashlib.sha256(b"known").hexdigest() + "  evil.exe\n")
    return folder


def test_add_list_info_remove(
    rules: Path, tmp_path: Path, overt_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.txt"
    assert overt("add", str(rules), "--licence", "CC0-1.0", "--author", "us", "--report", str(report)) == 0
    shown = capsys.readouterr()
    assert shown.out == "added my-rules: 1 rule, 1 hash\n"
    assert "one.yar:2: local_broken: unknown identifier" in shown.err
    assert "one.yar:2: local_broken" in report.read_text()
    (finding,) = Matcher(load_active()).match(b"an overt-local-marker here")
    assert (finding.rule, finding.pack, finding.author, finding.licence) == (
        "local_one",
        "my-rules",
        "them",
        "CC0-1.0",
    )
    (by_hash,) = load_hashes().match(b"known")
    assert (by_hash.rule, by_hash.pack, by_hash.author, by_hash.licence) == (
        "evil.exe",
        "my-rules",
        "us",
        "CC0-1.0",
    )
    stored = b"".join(path.read_bytes() for path in overt_home.rglob("*") if path.is_file())
    assert b"overt-local-marker" not in stored
    assert overt("list") == 0
    assert "my-rules" in capsys.readouterr().out
    assert overt("info", "local_one") == 0
    told = capsys.readouterr().out
    assert 'rule local_one { meta: author = "them"' in told and "author:        them" in told
    assert overt("info", "my-rules") == 0
    assert "CC0-1.0" in capsys.readouterr().out
    assert overt("remove", "my-rules") == 0
    assert not Matcher(load_active()).match(b"an overt-local-marker here")
    assert load_hashes().count == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("remove", "nobody"), "no rule set is called 'nobody'"),
        (("info", "nobody"), "no rule or rule set is called 'nobody'"),
        (("add", "/nonexistent/x.yar"), "/nonexistent/x.yar does not exist"),
        (("add", "/etc/hostname", "--name", "../up"), "can't name a rule set"),
        (("add", "/etc/hostname", "--name", "base"), "can't name a rule set"),
        (("add", "/etc/hostname"), "nothing was added"),
        (("test", "/etc/hostname", "--report", "/nonexistent/r"), "cannot write the --report output to"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments: tuple[str, ...], message: str, capsys: Captured) -> None:
    assert overt(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_name_is_given_once(rules: Path, capsys: Captured) -> None:
    assert overt("add", str(rules)) == 0
    assert overt("add", str(rules)) == 2
    assert "is there already" in capsys.readouterr().err
    assert overt("add", str(rules), "--name", "second") == 0
    assert len(Matcher(load_active()).match(b"overt-local-marker")) == 2


def test_test_checks_without_adding_and_shows_costs(rules: Path, tmp_path: Path, capsys: Captured) -> None:
    sample = tmp_path / "sample"
    sample.mkdir()
    (sample / "a").write_bytes(b"overt-local-marker" * 10)
    (sample / "b").write_bytes(b"nothing")
    assert overt("test", str(rules), "--against", str(sample)) == 2
    shown = capsys.readouterr()
    assert "local_broken" in shown.err
    assert "1 rule on 2 files, 0.0 MB: " in shown.out
    assert any(line.split()[1:] == ["1", "local_one", "(one.yar:1)"] for line in shown.out.splitlines())
    (rules / "one.yar").write_text(RULES.splitlines()[0])
    assert overt("test", str(rules)) == 0
    assert not added.names(Path(os.environ["OVERT_HOME"]) / "data")


def test_costs_are_shown_for_a_set_and_a_rule(rules: Path, tmp_path: Path, capsys: Captured) -> None:
    sample = tmp_path / "sample"
    sample.write_bytes(b"overt-local-marker" * 1_000)
    assert overt("add", str(rules)) == 0
    capsys.readouterr()
    assert overt("list", "--cost", "--against", str(sample)) == 0
    shown = capsys.readouterr()
    header, base, ours = shown.out.splitlines()
    assert header.split()[3] == "ms/MB" and "measured on 1 file" in shown.err
    assert all(float(line.split()[3]) >= 0 for line in (base, ours))
    assert overt("info", "local_one", "--against", str(sample)) == 0
    assert re.search(
        r"cost: +\d+\.\d\d ms/MB alone, .* 1 file, .*, matches 1 of these", capsys.readouterr().out
    )
    assert overt("info", "my-rules", "--cost", "--against", str(sample)) == 0
    assert "1  local_one (one.yar:1)" in capsys.readouterr().out
    assert overt("list", "my-rules") == 0
    assert capsys.readouterr().out == "local_one  high\n"
    assert overt("list", "my-rules", "--cost", "--against", str(sample)) == 0
    assert "1  local_one (one.yar:1)" in capsys.readouterr().out
    assert overt("list", "absent") == 2
    assert overt("info", "eicar_test_file") == 0
    assert "of this Python and its library" in capsys.readouterr().out


def test_the_pack_is_rebuilt_when_damaged(rules: Path, overt_home: Path) -> None:
    assert overt("add", str(rules)) == 0
    pack = overt_home / "data" / "active.pack"
    pack.write_bytes(pack.read_bytes()[:-1])
    assert Matcher(load_active()).match(b"overt-local-marker")
    assert overt("rebuild") == 0


def test_a_damaged_set_is_refused(rules: Path, overt_home: Path) -> None:
    assert overt("add", str(rules)) == 0
    stored = overt_home / "data" / "rules" / "my-rules" / "set.rules"
    stored.write_bytes(stored.read_bytes()[:-1] + b"?")
    (overt_home / "data" / "active.pack").unlink()
    with pytest.raises(PackError, match="remove this rule set"):
        load_active()


def test_without_the_right_to_write_rules_are_built_in_memory(overt_home: Path) -> None:
    overt_home.write_text("not a folder")
    assert load_active().records


def test_two_add_at_once_and_both_are_there(rules: Path) -> None:
    command = [sys.executable, "-m", "overt", "rules", "add", str(rules), "--name"]
    adding = [subprocess.Popen([*command, f"set{number}"], stdout=subprocess.PIPE) for number in range(3)]
    assert [process.wait(60) for process in adding] == [0, 0, 0]
    for process in adding:
        assert process.stdout is not None
        process.stdout.close()
    assert len(Matcher(load_active()).match(b"overt-local-marker")) == 3
    assert load_hashes().count == 3


def test_the_same_name_added_twice_at_once_is_there_once(rules: Path) -> None:
    command = [sys.executable, "-m", "overt", "rules", "add", str(rules), "--name", "same"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    adding = [subprocess.Popen(command, **quiet) for _ in range(3)]  # type: ignore[call-overload]
    assert sorted(process.wait(60) for process in adding) == [0, 2, 2]


def test_a_kill_at_any_time_leaves_nothing_half_added(rules: Path, overt_home: Path) -> None:
    (rules / "many.md5").write_text("".join(hashlib.md5(b"%d" % n).hexdigest() + "\n" for n in range(10_000)))
    command = [sys.executable, "-m", "overt", "rules", "add", str(rules), "--name", "killed"]
    start = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    whole = time.monotonic() - start
    added.remove(overt_home / "data", "killed")
    for step in range(5):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        time.sleep(whole * (step + 1) / 6)
        process.send_signal(signal.SIGKILL)
        process.wait()
        findings = Matcher(load_active()).match(b"overt-local-marker")
        assert (len(findings), load_hashes().count) in ((0, 0), (1, 10_001))
        if findings:
            added.remove(overt_home / "data", "killed")
    (rules / "many.md5").unlink()
    assert overt("add", str(rules), "--name", "after") == 0
    leftovers = [entry.name for entry in (overt_home / "data" / "rules").iterdir() if entry.is_dir()]
    assert leftovers == ["after"]


def test_a_failure_while_adding_leaves_nothing(overt_home: Path) -> None:
    def fail(intake: Intake) -> None:
        intake.hash(hashlib.md5(b"x").digest(), next(iter(())), 1)

    with pytest.raises(StopIteration):
        added.store(overt_home / "data", added.Added("x"), fail)
    assert added.names(overt_home / "data") == []
    assert HashSets().count == 0
