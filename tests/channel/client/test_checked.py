"""What checks found: durable when it is something, and only a time in place when all is as it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from overt.channel.client.checked import CHECK_FILE, POLLED_FILE, Check, keep_check, read_check

FOUND = Check(checked_s=1000, fresh_s=1000, etag='"a"', seen_size=3, seen_root="00" * 32, channel="test")


def at(time_s: int, check: Check = FOUND, **facts: Any) -> Check:
    return msgspec.structs.replace(check, checked_s=time_s, fresh_s=time_s, **facts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keep_check(tmp_path, FOUND)
    return tmp_path


def test_a_time_alone_costs_nothing_durable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / CHECK_FILE).read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda fd: pytest.fail("made durable"))
        for time_s in (1001, 1001, 2_000_000_000):
            keep_check(folder, at(time_s))
            assert read_check(folder) == at(time_s)
    assert (folder / CHECK_FILE).read_bytes() == before
    assert (folder / POLLED_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "check",
    [
        at(3000, etag='"b"'),
        at(3000, seen_size=4),
        at(3000, warning="development"),
        at(500),
        msgspec.structs.replace(FOUND, checked_s=3000),
        msgspec.structs.replace(FOUND, checked_s=3000, failure="no", family="refused"),
    ],
    ids=["etag", "seen", "warning", "clock set back", "not fresh", "failed"],
)
def test_whatever_else_is_new_is_durable_and_ends_the_time_before(folder: Path, check: Check) -> None:
    keep_check(folder, at(2000))
    keep_check(folder, check)
    assert msgspec.json.decode((folder / CHECK_FILE).read_bytes(), type=Check) == check
    assert read_check(folder) == check


def test_a_failure_is_not_hidden_by_the_time_of_an_earlier_check(folder: Path) -> None:
    """Killed between two steps, or by a clock: what is polled says nothing of another check."""
    keep_check(folder, at(9000))
    polled = (folder / POLLED_FILE).read_bytes()
    failed = msgspec.structs.replace(FOUND, checked_s=3000, failure="no", family="refused")
    keep_check(folder, failed)
    (folder / POLLED_FILE).write_bytes(polled)
    assert read_check(folder) == failed


@pytest.mark.parametrize("spoil", range(4))
def test_a_spoiled_time_is_none(folder: Path, spoil: int) -> None:
    keep_check(folder, at(2000))
    path = folder / POLLED_FILE
    data = path.read_bytes()
    later = data.replace(b"000000002000", b"000000009000")
    path.write_bytes([data[:-1], data + b"x", later, b""][spoil])
    assert read_check(folder) == FOUND
    keep_check(folder, at(2500))
    assert read_check(folder) == at(2500)


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("kept")
    (folder / POLLED_FILE).symlink_to(target)
    with pytest.raises(OSError):
        keep_check(folder, at(2000))
    assert target.read_text() == "kept"
    assert read_check(folder) == FOUND


def test_without_a_check_there_is_no_time(folder: Path) -> None:
    keep_check(folder, at(2000))
    (folder / CHECK_FILE).unlink()
    assert read_check(folder) == Check()
