"""What the client accepts and refuses, with the tree on disk; the old rules stay in all that fails."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from overt.channel import delta, layout
from overt.channel.client import checks, metadata, subscribe
from overt.channel.client.jobs import Workers
from overt.channel.client.outcome import Available, Stale, Updated, UpToDate
from overt.channel.client.rollback import roll_back
from overt.channel.client.source import InFolder, Unchanged
from overt.channel.publisher import change, publish
from overt.channel.publisher.change import Rotation
from overt.core.errors import ChannelError, UsageError
from overt.egress.errors import ConnectFailed
from overt.rules import subscribed
from overt.sandbox.expendable import Bounds
from tests.channel.client.conftest import Counting, Machine
from tests.channel.publisher.world import World

BIG = 'rule big{} {{ strings: $a = "{}" condition: $a }}\n'


def refused(machine: Machine, *words: str, family: str = "refused") -> None:
    """The next update fails with these words, and what was in use stays in use."""
    before = machine.subscription
    outcome = machine.update()
    assert isinstance(outcome, Stale), outcome
    assert outcome.family == family
    for word in words:
        assert word in outcome.why
    assert machine.subscription == before
    standing = machine.standing()
    assert standing.stale_since_s is not None and standing.advice
    assert words[0] in standing.why
    if before.current:
        assert machine.detects("one")
    if family == "refused":
        kind, facts = machine.entries[-1]
        assert (kind, facts["decision"]) == ("decided", "refused") and words[0] in facts["reason"]


def test_a_release_is_installed_and_then_polled(machine: Machine) -> None:
    outcome = machine.update()
    assert isinstance(outcome, Updated) and outcome.installed.serial == 0 and outcome.installed.rules == 1
    assert machine.detects("one")
    machine.source.asked.clear()
    assert machine.update() == UpToDate("test", 0)
    assert machine.source.asked == [layout.PROOF]
    assert machine.standing().stale_since_s is None


def test_patches_and_what_becomes_of_bad_ones(machine: Machine, world: World) -> None:
    machine.update()
    old = world.accepted()[0].bundles[layout.TARGET]
    for number, frame in enumerate((b"nothing", delta.compress(b"other"), delta.compress(bytes(1 << 24)))):
        release = world.publish(f"more{number}")
        new = release.bundles[layout.TARGET]
        patch = layout.patch(old, new)
        machine.source.instead = {patch: lambda frame=frame: frame}  # type: ignore[misc]
        outcome = machine.update()
        assert isinstance(outcome, Updated) and not outcome.patched
        assert patch in machine.source.asked and layout.bundle(new) in machine.source.asked
        old = new
    machine.source.instead = {}
    world.publish("last")
    outcome = machine.update()
    assert isinstance(outcome, Updated) and outcome.patched and outcome.fetched_bytes < 1000
    assert machine.detects("last") and machine.detects("more1")


def test_a_client_that_was_away_comes_back_in_one_go(machine: Machine, world: World) -> None:
    machine.update()
    for number in range(3):
        change.propose_rotation(world.desk, Rotation(), None)
        publish.publish(world.desk)
        world.publish(f"later{number}")
    outcome = machine.update()
    assert isinstance(outcome, Updated) and (outcome.before, outcome.installed.serial) == (0, 6)
    assert machine.detects("later2")
    assert len(list(machine.source.asked)) < 25


@pytest.mark.parametrize("days", [-2, 2])
def test_a_clock_two_days_off(machine: Machine, world: World, days: int) -> None:
    machine.update()
    world.publish("two")
    machine.ahead_s = days * 86400
    refused(machine, "cosigned at a time that does not count", "clock")


def test_a_frozen_mirror_is_noticed_after_a_day(machine: Machine) -> None:
    machine.update()
    machine.ahead_s = 23 * 3600
    assert isinstance(machine.update(), UpToDate)
    machine.ahead_s = 25 * 3600
    refused(machine, "cosigned at a time that does not count", "25.0 hours old")


def test_a_settled_poll_is_one_request_and_no_signature(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """304 for what is in use: nothing is verified anew but the age, on both sides."""
    machine.update()

    class Same:
        def read(self, path: str, max_bytes: int, etag: str = "") -> Unchanged:
            assert path == layout.PROOF
            return Unchanged()

    def no_more(*arguments: Any) -> None:
        raise AssertionError("a signature was verified")

    machine.source = Counting(Same())
    with monkeypatch.context() as patched:
        patched.setattr(checks, "witnessed", no_more)
        assert machine.update() == UpToDate("test", 0)
    machine.ahead_s = 25 * 3600
    refused(machine, "cosigned at a time that does not count")
    machine.ahead_s = -2 * 86400
    refused(machine, "cosigned at a time that does not count")
    machine.ahead_s = 0
    assert machine.update() == UpToDate("test", 0)
    assert machine.standing().stale_since_s is None


def test_looking_only_does_not_make_old_rules_new(machine: Machine, world: World) -> None:
    machine.update()
    fresh_s = machine.standing().check.fresh_s
    world.publish("two")
    machine.ahead_s = 100
    assert machine.update(check=True) == Available("test", 1, 0)
    assert machine.standing().check.fresh_s == fresh_s and not machine.detects("two")


def test_nobody_checking_is_stale_too(machine: Machine) -> None:
    machine.update()
    machine.ahead_s = 49 * 3600
    assert machine.standing().why == "no check since then"


def test_rollback_of_the_mirror(machine: Machine, world: World) -> None:
    old = (world.public / layout.PROOF).read_bytes()
    world.publish("two")
    machine.update()
    machine.source.instead = {layout.PROOF: lambda: old}
    refused(machine, "a rollback")
    (machine.data / "channels/test/check.json").unlink()
    refused(machine, "a rollback")


def test_a_hidden_root_rotation(machine: Machine, world: World, tmp_path: Path) -> None:
    machine.update()
    change.propose_rotation(world.desk, Rotation(), None)
    publish.publish(world.desk)
    hidden = tmp_path / "hidden"
    (world.public / layout.metadata("root", 2)).rename(hidden)
    refused(machine, "root.json version 1", "not in the log: the newest release names version 2")
    hidden.rename(world.public / layout.metadata("root", 2))
    assert isinstance(machine.update(), Updated)


def test_mixed_metadata(machine: Machine, world: World) -> None:
    """Everything is signed, and the log names other targets than those that TUF leads to."""
    machine.update()
    world.publish("two")
    paths = [layout.TIMESTAMP, layout.metadata("snapshot", 2), layout.metadata("targets", 2)]
    proof = (world.public / layout.PROOF).read_bytes()
    kept = {path: (world.public / path).read_bytes() for path in paths}
    world.publish("three")
    machine.source.instead = {layout.PROOF: lambda: proof}
    refused(machine, "targets.json version 3", "is not in the log")
    machine.source.instead = {path: lambda data=data: data for path, data in kept.items()}  # type: ignore[misc]
    refused(machine, "targets.json version 2", "is not in the log")
    machine.source.instead = {}
    assert isinstance(machine.update(), Updated)


def test_new_witnesses_need_the_old_ones_or_the_user(machine: Machine, world: World) -> None:
    machine.update()
    lines = world.witnesses.policy(3).splitlines()
    alive = [line for line in lines if line.split()[1] in ("w2", "w3")]
    world.witnesses.down = {"w0", "w1"}
    policy = "\n".join([*alive, "group q all w2 w3", "quorum q", ""])
    change.propose_rotation(world.desk, Rotation(witnesses=policy), None)
    release = publish.publish(world.desk)
    assert isinstance(release, publish.Published)
    refused(machine, "names a log key or witnesses that those of root 1 don't vouch for", "--accept-root")
    subscribe.accept_root(machine.data, machine.client().append, "test", release.release.root.sha256)
    assert isinstance(machine.update(), Updated)
    assert machine.subscription.unvouched_root == 2
    world.publish("two")
    assert isinstance(machine.update(), Updated)


def test_witnesses_may_be_replaced_with_the_old_ones_vouching(machine: Machine, world: World) -> None:
    machine.update()
    lines = [
        line for line in world.witnesses.policy(3).splitlines() if " w0 " not in line.replace("group", " ")
    ]
    kept = [line for line in lines if line.startswith("witness") and line.split()[1] != "w0"]
    policy = "\n".join([*kept, "group q all w1 w2 w3", "quorum q", ""])
    change.propose_rotation(world.desk, Rotation(witnesses=policy), None)
    publish.publish(world.desk)
    assert isinstance(machine.update(), Updated)
    assert machine.subscription.unvouched_root == 0


def test_a_quorum_of_replaced_witnesses_still_vouches(machine: Machine, world: World) -> None:
    """One of four is replaced, twice: the client that was away holds the first root."""
    machine.update()
    lines = [line for line in world.witnesses.policy(3).splitlines() if line.startswith("witness")]
    for left in ("w0", "w1"):
        policy = "\n".join([*(x for x in lines if x.split()[1] != left), "group q all w2 w3", "quorum q", ""])
        change.propose_rotation(world.desk, Rotation(witnesses=policy), None)
        publish.publish(world.desk)
    outcome = machine.update()
    assert isinstance(outcome, Updated) and machine.subscription.unvouched_root == 0


def test_a_network_that_fails_is_not_a_peer_that_lies(machine: Machine) -> None:
    machine.update()

    def gone() -> bytes:
        raise ConnectFailed("no way to the server")

    machine.source.instead = {layout.PROOF: gone}
    refused(machine, "no way to the server", family="failed")


def test_the_tree_may_change_between_proof_and_metadata(machine: Machine, world: World) -> None:
    machine.update()
    world.publish("two")
    old = (world.public / layout.PROOF).read_bytes()
    world.publish("three")
    served = [old]
    machine.source.instead = {
        layout.PROOF: lambda: served.pop() if served else (world.public / layout.PROOF).read_bytes()
    }
    outcome = machine.update()
    assert isinstance(outcome, Updated) and outcome.installed.serial == 2


def test_rolling_back_and_on(machine: Machine, world: World) -> None:
    machine.update()
    with pytest.raises(ChannelError, match="no release before"):
        roll_back(machine.client(), "test")
    world.publish("two")
    machine.update()
    roll_back(machine.client(), "test", "it broke my tools")
    assert machine.entries[-1] == (
        "rolled-back",
        {"what": "rules", "channel": "test", "from_serial": 1, "to_serial": 0, "reason": "it broke my tools"},
    )
    assert machine.detects("one") and not machine.detects("two")
    assert machine.update(scheduled=True) == UpToDate("test", 0, rolled_back=True)
    assert not machine.detects("two")
    world.publish("three")
    outcome = machine.update(scheduled=True)
    assert isinstance(outcome, Updated) and outcome.installed.serial == 2
    assert machine.detects("two") and machine.detects("three")


def test_two_channels_side_by_side(machine: Machine, tmp_path: Path) -> None:
    machine.update()
    other = World(tmp_path / "other")
    other.found()
    other.publish("nine")
    with pytest.raises(UsageError, match="already"):
        machine.subscribe(root=other.first_root())
    machine.subscribe("other", other.first_root())
    both = machine.client().update("other", InFolder(other.public))
    assert isinstance(both, Updated)
    assert machine.detects("one") and machine.detects("nine")
    assert isinstance(machine.client().update("other", InFolder(machine.world.public)), Stale)
    subscribe.remove(machine.data, machine.client().append, "test")
    assert machine.detects("nine") and not machine.detects("one")


def test_switching_retires_the_old_channel_in_the_step_that_installs_the_new(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.update()
    other = World(tmp_path / "other")
    other.found()
    other.publish("nine")
    machine.subscribe("new", other.first_root())
    seen = []
    write = subscribed.write_index

    def spied(data: Path, index: subscribed.Index) -> None:
        seen.append([(one.name, one.current is not None) for one in index.channels])
        write(data, index)

    monkeypatch.setattr(subscribed, "write_index", spied)
    machine.client().update("new", InFolder(other.public), replaces="test")
    assert seen == [[("new", True)]]
    assert machine.detects("nine") and not machine.detects("one")


def test_forgetting_the_fetcher_fails(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """python-tuf makes an HTTP client of its own when it is given none: with ours it opens no socket and can't."""

    def no_socket(*args: Any, **named: Any) -> None:
        raise AssertionError("a socket was made by the verifier")

    monkeypatch.setattr("urllib3.PoolManager.request", no_socket)
    monkeypatch.setattr("urllib3.PoolManager.urlopen", no_socket)
    monkeypatch.setattr(socket.socket, "connect", no_socket)
    assert isinstance(machine.update(), Updated)
    made = metadata.Updater
    monkeypatch.setattr(metadata, "Updater", lambda *args, fetcher, **named: made(*args, **named))
    machine.world.publish("two")
    refused(machine, "TUF")


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds(deadline_s=0.001), "took longer than 0.001 s"),
        (Bounds(max_answer_bytes=1000), "answered more than 1,000 bytes"),
    ],
)
def test_a_bundle_that_exhausts_its_worker_changes_nothing(
    machine: Machine, world: World, bounds: Bounds, words: str
) -> None:
    machine.update()
    for number in range(40):
        (world.rules / f"big{number}.yar").write_text(BIG.format(number, "a" * 100_000))
    world.publish("two")
    narrow = Workers(bounds=bounds)
    machine.workers, wide = narrow, machine.workers
    refused(machine, words)
    narrow.close()
    machine.workers = wide
    assert isinstance(machine.update(), Updated)
