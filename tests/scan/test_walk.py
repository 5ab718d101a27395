"""Every path under a target ends as an outcome: examined, a gap, or counted as left out on purpose."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.conftest import require
from tests.payload import PAYLOAD
from tests.scan.running import named_pack, scan, test_pack

pytestmark = pytest.mark.kernel


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub" / "deeper").mkdir(parents=True)
    (folder / "plain").write_bytes(b"plain")
    (folder / "sub" / "deeper" / "infected").write_bytes(PAYLOAD)
    return folder


def test_special_files_are_counted_and_never_opened(root: Path, tmp_path: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to("sub/deeper/infected")
    (root / "folder-link").symlink_to("sub")
    (root / "dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket"))
        result = scan(tmp_path, root, cache=False)
    assert result.summary["links"] == 3
    assert result.summary["not_files"] == 2
    assert result.summary["infected"] == 1


def test_links_are_followed_when_asked_and_loops_end(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "infected").write_bytes(PAYLOAD)
    (root / "out").symlink_to(outside)
    (root / "up").symlink_to(root)
    result = scan(tmp_path, root, cache=False, follow_symlinks=True)
    assert str(root / "out" / "infected") in result.reports
    assert result.summary["infected"] == 2


def test_missing_and_unreadable_are_incomplete(root: Path, tmp_path: Path) -> None:
    result = scan(tmp_path, root, tmp_path / "missing", cache=False)
    assert result.reasons(tmp_path / "missing") == ["vanished"]
    assert result.reports[str(tmp_path / "missing")]["verdict"] == "incomplete"


def test_names_of_any_bytes(root: Path, tmp_path: Path) -> None:
    folder = os.fsencode(root) + b"/d\xe9"
    os.mkdir(folder)
    for odd in (os.fsencode(root) + b"/bad\xff\nname", folder + b"/plain"):
        with open(odd, "wb") as stream:
            stream.write(PAYLOAD)
    externals = 'rule r { condition: filename == "plain" and filepath contains "tree" }'
    result = scan(tmp_path, root, cache=False, pack=str(named_pack(tmp_path, externals)))
    assert result.summary["infected"] == 2
    assert result.summary["incomplete"] == 0


def test_a_file_that_hides_its_size_is_read(tmp_path: Path) -> None:
    result = scan(tmp_path, "/proc/version", cache=False)
    assert result.reports["/proc/version"]["examined"] > 50


@pytest.mark.parametrize("target", ["/dev/null", "pipe"])
def test_a_named_target_that_is_no_file_is_incomplete(tmp_path: Path, target: str) -> None:
    if target == "pipe":
        os.mkfifo(target := str(tmp_path / "pipe"))
    assert scan(tmp_path, target, cache=False).reasons(target) == ["unreadable"]


def test_excludes_by_pattern_and_by_file(root: Path, tmp_path: Path) -> None:
    (root / "keep.log").write_bytes(b"x")
    (root / "drop.log").write_bytes(b"x")
    (root / "node_modules").mkdir()
    (root / "node_modules" / "a").write_bytes(PAYLOAD)
    patterns = tmp_path / "patterns"
    patterns.write_text("# a comment\n*.log\n!keep.log\n")
    result = scan(tmp_path, root, cache=False, exclude=["node_modules/"], exclude_from=[str(patterns)])
    names = {Path(path).name for path in result.reports}
    assert names == {"plain", "infected", "keep.log"}
    assert result.summary["excluded"] == 2


def test_standard_input(tmp_path: Path) -> None:
    result = scan(tmp_path, "-", stdin=PAYLOAD)
    assert result.reports["(standard input)"]["verdict"] == "infected"


def test_standard_input_past_the_limit_is_incomplete(tmp_path: Path) -> None:
    result = scan(tmp_path, "-", stdin=b"a" * 5000, limits={"max_file_bytes": 4096})
    assert result.reasons("(standard input)") == ["max_file_bytes"]


@pytest.mark.parametrize("null", [False, True])
def test_files_from(root: Path, tmp_path: Path, null: bool) -> None:
    listed = tmp_path / "listed"
    separator = "\0" if null else "\n"
    listed.write_text(separator.join([str(root / "plain"), str(root / "sub")]) + separator)
    result = scan(tmp_path, files_from=str(listed), null_separated=null, cache=False)
    assert result.summary["clean"] == 1
    assert result.summary["infected"] == 1


def test_kernel_interfaces_are_not_files(tmp_path: Path) -> None:
    require(Path("/proc/self/mountinfo").exists(), "procfs")
    result = scan(tmp_path, "/proc/self/net", limits={"deadline_s": 5.0}, cache=False)
    assert result.summary["infected"] == 0


def test_a_folder_of_many_files_in_chunks(tmp_path: Path) -> None:
    root = tmp_path / "many"
    root.mkdir()
    for index in range(2500):
        (root / f"f{index}").touch()
    (root / "infected").write_bytes(PAYLOAD)
    result = scan(tmp_path, root, cache=False)
    assert result.summary["clean"] == 2500
    assert result.summary["infected"] == 1


def test_a_limit_on_file_size_says_what_was_seen(root: Path, tmp_path: Path) -> None:
    (root / "early").write_bytes(PAYLOAD + bytes(10_000))
    (root / "late").write_bytes(bytes(10_000) + PAYLOAD)
    result = scan(tmp_path, root, cache=False, limits={"max_file_bytes": 5000})
    assert result.reports[str(root / "early")]["verdict"] == "infected"
    assert result.reports[str(root / "late")]["verdict"] == "incomplete"
    assert result.reports[str(root / "late")]["gaps"] == [
        ["max_file_bytes", "examined the first 5000 of 11070 bytes"]
    ]


def test_progress_counts_ahead(root: Path, tmp_path: Path) -> None:
    result = scan(tmp_path, root, cache=False, progress=True)
    assert result.summary["clean"] == 1


def test_a_very_deep_tree(tmp_path: Path) -> None:
    """Deeper than Python's recursion limit and than a path may be long."""
    top = tmp_path / "deep"
    top.mkdir()
    fd = os.open(top, os.O_RDONLY)
    for _ in range(2500):
        os.mkdir("deeper", dir_fd=fd)
        inner = os.open("deeper", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    bottom = os.open("infected", os.O_WRONLY | os.O_CREAT, dir_fd=fd)
    os.write(bottom, PAYLOAD)
    os.close(bottom)
    os.close(fd)
    try:
        assert scan(tmp_path, top, cache=False).summary["infected"] == 1
    finally:  # pytest's own cleaning does not go that deep
        subprocess.run(["rm", "-rf", str(top)], check=True)


def test_an_ordinary_user_sees_what_cannot_be_read() -> None:
    require(os.geteuid() == 0, "root (to become another user)")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "open").write_bytes(PAYLOAD)
        (root / "open").chmod(0o644)
        (root / "closed").write_bytes(b"x")
        (root / "closed").chmod(0o600)
        (root / "folder").mkdir(mode=0o700)
        pack = Path(test_pack(root))
        pack.chmod(0o644)
        result = scan(root, root, cache=False, user=65534)
        assert result.reasons(root / "closed") == ["unreadable"]
        assert result.reasons(root / "folder") == ["unreadable"]
        assert result.reports[str(root / "open")]["verdict"] == "infected"
        assert result.confinement == "confined"
