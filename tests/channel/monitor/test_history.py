"""What a monitor learns of a channel that is run well, and that it neither forgets nor repeats."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from overt.channel import layout
from overt.channel.monitor.database import MonitorError
from overt.channel.monitor.site import pages
from overt.channel.monitor.state import State
from overt.channel.publisher import change, publish, sources
from tests.channel.monitor.conftest import Channel, Watching
from tests.channel.publisher.world import RULE


def test_replays_and_rebuilds_every_release(channel: Channel, watching: Watching) -> None:
    channel.publish("two")
    outcome = watching.look()
    assert (outcome.new, outcome.size) == (2, 2)
    assert not watching.alarms(), watching.alarms()
    assert not watching.state.conditions()
    newest, first = watching.state.releases()
    assert (first.appeared, newest.appeared, newest.rules) == (1, 1, 2)
    assert first.rebuilt == newest.rebuilt == "its sources build this bundle, byte for byte"
    assert {one.role for one in newest.signers} == {"witness", "root", "targets"}
    assert sum(one.role == "witness" for one in newest.signers) == 4
    assert watching.look().new == 0


def test_says_what_became_of_each_rule(channel: Channel, watching: Watching) -> None:
    channel.write("two", RULE % ("two", "first"))
    channel.publish()
    channel.write("two", RULE % ("two", "second"))
    channel.publish()
    channel.revoked = (sources.Revocation("two", 3, "false positives on payroll files"),)
    channel.publish()
    watching.look()
    (item,) = watching.state.items("two")
    events = watching.state.events(item=item.id)
    assert [(one.serial, one.what) for one in events] == [(1, "appeared"), (2, "changed"), (3, "vanished")]
    assert events[1].fields[0][0] == "text"
    assert "first" in events[1].before_text and "second" in events[1].after_text
    assert events[2].reason == "false positives on payroll files"
    assert not item.present
    assert not watching.alarms()


def test_hash_lists_are_followed_too(channel: Channel, watching: Watching) -> None:
    digests = [hashlib.sha256(b"%d" % n).hexdigest() for n in range(4)]
    for chosen in (digests[:2], digests[1:]):
        (channel.rules / "bad.txt").write_text("\n".join(chosen) + "\n")
        channel.overrides = (sources.Override("hashes/own/sha256.jsonl", "droppers of campaign 17"),)
        channel.publish()
    watching.look()
    assert not watching.alarms(), watching.alarms()
    (item,) = [one for one in watching.state.items() if not one.is_rule]
    appeared, changed = watching.state.events(item=item.id)
    assert appeared.after and appeared.after.entries == 2
    assert changed.fields == (("hashes", "2", "3 (2 added, 1 removed)"),)
    assert watching.state.releases()[0].hashes == 3


def test_a_bundle_that_is_carried_on_is_the_same(channel: Channel, watching: Watching) -> None:
    change.propose_rotation(channel.desk, change.Rotation(new_keys=("snapshot",)), None)
    publish.publish(channel.desk)
    watching.look()
    assert watching.state.releases()[0].rebuilt == "the bundle of release 0, carried on"


def test_old_bundles_come_back_from_patches(channel: Channel, watching: Watching) -> None:
    shas = [channel.publish(f"rule{n}").bundles[layout.TARGET] for n in range(4)]
    watching.look()
    for sha256 in shas:
        data = watching.state.bundle(sha256)
        assert data is not None and hashlib.sha256(data).hexdigest() == sha256


def test_looks_only_at_what_is_new(channel: Channel, watching: Watching) -> None:
    watching.look()
    asked: list[str] = []
    tree = watching.tree

    def counting(path: str, max_bytes: int) -> bytes:
        asked.append(path)
        return tree(path, max_bytes)

    watching.tree = counting
    watching.look()
    assert sorted(set(asked)) == [layout.PROOF, layout.CHECKPOINT, layout.TIMESTAMP]
    channel.publish("two")
    asked.clear()
    watching.look()
    assert not [path for path in asked if path == layout.root(watching.state.roots()[0].sha256)]
    assert len([path for path in asked if path.startswith("bundles/")]) == 1


def test_one_folder_follows_one_channel(watching: Watching, tmp_path: Path) -> None:
    watching.state.settle("origin", "rules.example.org/other")
    with pytest.raises(MonitorError, match="a folder for each channel"):
        watching.look()


KILLED = """
import sys, os, signal
from pathlib import Path
from tests.channel.monitor.conftest import Channel, Watching
from overt.channel.monitor.site import pages
import overt.channel.monitor.site.files as files
import overt.channel.monitor.state as state
folder, step = Path(sys.argv[1]), int(sys.argv[2])
count = 0
def counted(real):
    def call(*args, **kwargs):
        global count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    return call
files.os.replace = counted(os.replace)
state.State._set = counted(state.State._set)
state.State._record = counted(state.State._record)
channel = Channel.__new__(Channel)
from tests.channel.publisher.world import Clock
channel.clock = Clock()
from overt.channel.publisher.desk import Desk
channel.desk = Desk(folder / "channel" / "desk", str, channel.clock)
channel.sources_folder = folder / "channel" / "sources"
watching = Watching(channel, folder / "monitor")
watching.look()
pages.write(watching.state, folder / "site")
"""


def test_killed_at_any_step_it_goes_on(channel: Channel, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        channel.publish(name)
    killed = 0
    for step in (1, 2, 4, 6, 9, 14, 19, 100):
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(step)]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        killed += done.returncode == -signal.SIGKILL
        assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
        state = State(tmp_path / "monitor")
        for row in state.releases():
            assert row.serial < state.head.size
            assert row.appeared == len(state.events(serial=row.serial))
        assert len(state.releases()) == state.head.size
        state.close()
    assert killed >= 3
    assert done.returncode == 0
    watching = Watching(channel, tmp_path / "monitor")
    assert not watching.alarms() and watching.state.head.size == 3
    whole = {path.relative_to(tmp_path / "site") for path in (tmp_path / "site").rglob("*")}
    pages.write(watching.state, tmp_path / "fresh")
    fresh = {path.relative_to(tmp_path / "fresh") for path in (tmp_path / "fresh").rglob("*")}
    assert whole == fresh


def calls(work: Callable[[], object]) -> int:
    """How many functions it calls: what it costs, the same on every machine, however busy."""
    count = 0

    def called(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_another_day_costs_little(channel: Channel, tmp_path: Path) -> None:
    for day in range(12):
        channel.publish(f"day{day}")
    watching = Watching(channel, tmp_path / "monitor")
    site, written = tmp_path / "site", []
    first = calls(watching.look)
    whole = calls(lambda: written.append(pages.write(watching.state, site)))
    channel.publish("another")
    assert calls(watching.look) < first / 2
    assert calls(lambda: written.append(pages.write(watching.state, site))) < whole
    assert written[1] < 15 < written[0]
    assert os.path.getsize(tmp_path / "monitor" / "monitor.sqlite") < 4_000_000
