"""Configuration files: same names as the flags, flags win, mistakes are refused with file, line and a suggestion."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from overt.cli import app
from overt.cli.configuration import apply, options, read
from overt.cli.options import LIMITS
from overt.cli.scan import request_of
from overt.core.errors import UsageError
from overt.core.limits import BOUNDS

DOCS = Path(__file__).parents[2] / "docs/configuration.md"


def parsed(tmp_path: Path, text: str, *arguments: str) -> argparse.Namespace:
    """`overt scan` with a configuration file."""
    path = tmp_path / "overt.toml"
    path.write_text(text)
    top, own = app.parsers(only="scan")
    apply(read([path]), own, "scan")
    return top.parse_args(["scan", *arguments])


def test_values_are_what_the_flags_would_give(tmp_path: Path) -> None:
    text = """
    [scan]
    max-unpacked-bytes = "2GiB"
    max-file-bytes = 1_000
    deadline-s = 1.5
    exclude = ["*.iso", "cache/"]
    cache = false
    follow-symlinks = true
    workers = 3
    incomplete = "clean"
    """
    args = parsed(tmp_path, text, "x")
    request = request_of(args)
    assert request.limits.max_unpacked_bytes == 2 << 30
    assert (request.limits.max_file_bytes, request.limits.deadline_s) == (1000, 1.5)
    assert request.exclude == ("*.iso", "cache/")
    assert (request.cache, request.follow_symlinks, request.workers) == (False, True, 3)
    assert args.incomplete == "clean"


def test_flags_win_and_lists_add_up(tmp_path: Path) -> None:
    text = '[scan]\nmax-depth = 3\ncache = false\nexclude = ["a"]\n'
    request = request_of(parsed(tmp_path, text, "x", "--max-depth", "5", "--cache", "--exclude", "b"))
    assert (request.limits.max_depth, request.cache, request.exclude) == (5, True, ("a", "b"))


def test_a_later_file_wins(tmp_path: Path) -> None:
    first, second = tmp_path / "1.toml", tmp_path / "2.toml"
    first.write_text("[scan]\nmax-depth = 3\nworkers = 2\n")
    second.write_text("[scan]\nmax-depth = 4\n")
    top, own = app.parsers(only="scan")
    apply(read([first, second, tmp_path / "absent.toml"]), own, "scan")
    args = top.parse_args(["scan", "x"])
    assert (args.max_depth, args.workers) == (4, 2)


def test_a_command_without_keys_says_so(tmp_path: Path) -> None:
    path = tmp_path / "overt.toml"
    path.write_text("[quarantine]\nx = 1\n")
    _, own = app.parsers(only="quarantine")
    with pytest.raises(UsageError, match="no key 'x': none of its options can be set in a file"):
        apply(read([path]), own, "quarantine")


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("\n[scan]\nmax_depth = 3\n", 3, "did you mean max-depth?"),
        ("[scan]\n# no\nmax-dept = 3\n", 3, "did you mean max-depth?"),
        ("[scan]\nzzz = 3\n", 2, "keys are cache, csv"),
        ("[rules]\nworkers = 1\n[scna]\n", 3, "did you mean [scan]?"),
        ("workers = 3\n", 1, "outside any table"),
        ("[scan]\nmax-depth = true\n", 2, "expected a number, not true"),
        ('[scan]\nmax-depth = "many"\n', 2, "not a whole number"),
        ('[scan]\n\nmax-file-bytes = "2 ZB"\n', 3, "not a size"),
        ('[scan]\ncache = "no"\n', 2, "expected true or false"),
        ('[scan]\nexclude = "*.iso"\n', 2, "expected a list of texts"),
        ("[scan]\nhtml = 3\n", 2, "expected a text in quotes"),
        ('[scan]\nincomplete = "maybe"\n', 2, "expected one of 'error', 'clean', 'infected'"),
        ("[scan]\nunconfined = true\n", 2, "cannot be set in a file"),
        ('scan.max-dept = 3\nscan."json" = "x.json"', 1, "did you mean max-depth?"),
    ],
)
def test_mistakes_are_refused_with_file_and_line(tmp_path: Path, text: str, line: int, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(tmp_path, text, "x")
    assert f"{tmp_path}/overt.toml, line {line}: " in str(caught.value)
    assert problem in str(caught.value)


def test_broken_toml_and_absent_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"overt\.toml is not valid TOML: .*line 2"):
        parsed(tmp_path, "[scan]\nx = = 1\n", "x")
    with pytest.raises(UsageError, match=r"cannot read the configuration .*absent\.toml: No such file"):
        read([], [str(tmp_path / "absent.toml")])


def test_every_key_is_documented() -> None:
    text = DOCS.read_text("utf-8")
    _, own = app.parsers(only="scan")
    missing = [key for key in options(own["scan"]) if f"| `{key}` |" not in text]
    assert not missing
    documented = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    assert documented == set(options(own["scan"]))


def test_every_limit_is_a_flag() -> None:
    assert set(LIMITS) == set(BOUNDS)
