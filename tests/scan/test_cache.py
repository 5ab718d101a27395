"""The verdict cache: unchanged files are not examined again, and a changed file is never served an old verdict."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import msgspec
import pytest

from overt.core.model import Severity
from overt.engine.pack import dump
from overt.scan.mounts import read_mounts
from tests.conftest import require
from tests.payload import PAYLOAD, pack
from tests.scan.running import ROOT, Result, command, named_pack, parse
from tests.scan.running import scan as plain_scan

pytestmark = pytest.mark.kernel


@pytest.fixture
def root(tmp_path: Path) -> Path:
    require(
        read_mounts().keeps_change_time(os.stat(tmp_path).st_dev),
        "a temporary folder on a local disk (ext4, xfs, …)",
    )
    folder = tmp_path / "tree"
    folder.mkdir()
    for index in range(20):
        (folder / f"file{index}").write_bytes(b"content %d" % index)
    return folder


def scan(folder: Path, root: Path, **options: object) -> Result:
    return plain_scan(folder, root, cache_after_s=0.0, **options)


def test_unchanged_files_are_served_from_the_cache(root: Path, tmp_path: Path) -> None:
    assert scan(tmp_path, root).summary["cached"] == 0
    again = scan(tmp_path, root)
    assert again.summary["cached"] == 20
    assert again.summary["clean"] == 20


def test_a_young_file_is_not_remembered(root: Path, tmp_path: Path) -> None:
    plain_scan(tmp_path, root)
    assert plain_scan(tmp_path, root).summary["cached"] == 0


def test_same_size_and_restored_times_do_not_fool_it(root: Path, tmp_path: Path) -> None:
    victim = root / "file3"
    victim.write_bytes(bytes(len(PAYLOAD)))
    before = victim.stat()
    scan(tmp_path, root)
    with open(victim, "r+b") as stream:
        stream.write(PAYLOAD)
    os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns))
    result = scan(tmp_path, root)
    assert victim.stat().st_mtime_ns == before.st_mtime_ns
    assert result.reports[str(victim)]["verdict"] == "infected"


def test_a_replaced_file_is_examined(root: Path, tmp_path: Path) -> None:
    victim = root / "file3"
    victim.write_bytes(bytes(len(PAYLOAD)))
    before = victim.stat()
    scan(tmp_path, root)
    other = tmp_path / "other"
    other.write_bytes(PAYLOAD)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(victim)
    assert scan(tmp_path, root).reports[str(victim)]["verdict"] == "infected"


def test_a_renamed_file_is_examined(root: Path, tmp_path: Path) -> None:
    scan(tmp_path, root)
    (root / "file3").rename(root / "file99")
    result = scan(tmp_path, root)
    assert not result.reports[str(root / "file99")]["cached"]
    assert result.summary["cached"] == 19


def test_rules_that_look_at_paths_see_every_path(root: Path, tmp_path: Path) -> None:
    pack = str(named_pack(tmp_path, 'rule r { condition: filepath contains "Startup" }'))
    scan(tmp_path, root, pack=pack)
    root.rename(moved := tmp_path / "Startup")
    assert scan(tmp_path, moved, pack=pack).summary["infected"] == 20


def test_links_to_other_file_systems_are_not_remembered(root: Path, tmp_path: Path) -> None:
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as elsewhere:
        require(os.stat(elsewhere.name).st_dev != os.stat(root).st_dev, "a tmpfs at /dev/shm")
        (root / "link").symlink_to(elsewhere.name)
        scan(tmp_path, root, follow_symlinks=True)
        again = scan(tmp_path, root, follow_symlinks=True)
        assert not again.reports[str(root / "link")]["cached"]
        assert again.summary["cached"] == 20


def test_infected_files_are_examined_every_time(root: Path, tmp_path: Path) -> None:
    (root / "bad").write_bytes(PAYLOAD)
    scan(tmp_path, root)
    again = scan(tmp_path, root)
    assert not again.reports[str(root / "bad")]["cached"]
    assert again.summary["infected"] == 1


@pytest.mark.parametrize("severity", [Severity.NOTE, Severity.HIGH])
def test_ignoring_a_rule_changes_nothing_that_is_remembered(
    root: Path, tmp_path: Path, severity: Severity
) -> None:
    (root / "bad").write_bytes(PAYLOAD)
    made = pack()
    record = msgspec.structs.replace(made.records["t:test_payload"], severity=severity)
    path = tmp_path / "severe.pack"
    path.write_bytes(dump(msgspec.structs.replace(made, records={"t:test_payload": record})))
    infects = severity is not Severity.NOTE
    for ignored in (["test_*"], [], ["other"], ["test:test_payload"]):
        result = scan(tmp_path, root, pack=str(path), ignore_rules=ignored)
        report = result.reports[str(root / "bad")]
        hit = ignored and ignored[0].startswith("test")
        assert (report["ignored"], report["rules"]) == (
            (["test_payload"], []) if hit else ([], ["test_payload"])
        )
        assert report["verdict"] == ("infected" if infects and not hit else "clean")
    assert report["cached"] is not infects


def test_other_limits_or_rules_see_none_of_it(root: Path, tmp_path: Path) -> None:
    scan(tmp_path, root)
    assert scan(tmp_path, root, limits={"max_depth": 3}).summary["cached"] == 0
    assert scan(tmp_path, root, passwords=["x"]).summary["cached"] == 0
    assert scan(tmp_path, root).summary["cached"] == 20


def test_what_was_incomplete_stays_incomplete(root: Path, tmp_path: Path) -> None:
    limits = {"max_file_bytes": 5}
    first = scan(tmp_path, root, limits=limits)
    again = scan(tmp_path, root, limits=limits)
    assert first.summary["incomplete"] == again.summary["incomplete"] == 20
    assert again.summary["cached"] == 20
    assert again.reasons(root / "file1") == ["max_file_bytes"]


def test_concurrent_scans_share_it(root: Path, tmp_path: Path) -> None:
    sessions = [
        subprocess.Popen(
            command(tmp_path, root, cache_after_s=0.0),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        for _ in range(4)
    ]
    for session in sessions:
        result = parse(*session.communicate(timeout=60))
        assert result.summary["clean"] == 20
    assert scan(tmp_path, root).summary["cached"] == 20


def test_a_damaged_cache_costs_only_time(root: Path, tmp_path: Path, overt_home: Path) -> None:
    scan(tmp_path, root)
    for path in (overt_home / "cache").glob("*.sqlite"):
        with sqlite3.connect(path) as database:
            database.execute("UPDATE chunk SET files = x'ff00ff'")
    result = scan(tmp_path, root)
    assert result.summary["cached"] == 0
    assert result.summary["clean"] == 20
    for path in (overt_home / "cache").glob("*.sqlite*"):
        path.write_bytes(b"not a database at all" * 100)
    assert scan(tmp_path, root).summary["clean"] == 20
